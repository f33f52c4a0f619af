// What is asked of a page. Each question is one call of a function in here.
(() => {
  const nameOf = (element) => {
    const label = element.labels && element.labels.length ? element.labels[0].innerText : null;
    const heading = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
      .map((id) => document.getElementById(id)?.innerText || '').join(' ');
    const own = element.matches('input, select, textarea') ? '' : element.innerText;
    const name = heading || element.getAttribute('aria-label') || label || own || element.getAttribute('title');
    return (name || '').replace(/\s+/g, ' ').trim();
  };
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = () => [...document.querySelectorAll(
    'button, a[href], input:not([type=hidden]), select, textarea, summary, label')].filter(isShown);
  const hasRing = (element) => {
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    return element.matches(':focus-visible') && (outlined || style.boxShadow !== 'none');
  };
  // The middle of its first line: between the lines of a link there is nothing to click.
  const middle = (element) => {
    const box = element.getClientRects()[0];
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const isInView = (element) => {
    const { x, y } = middle(element);
    return element.contains(document.elementFromPoint(x, y));
  };
  // [red, green, blue, opacity], each from 0 to 1, of what a browser writes: `rgb(…)`, `rgba(…)` or `color(srgb …)`.
  const colour = (text) => {
    const [red, green, blue, opacity = 1] = text.replace(/^color\(srgb/, '').match(/[\d.]+(?:e-?\d+)?/g).map(Number);
    const whole = text.startsWith('color(') ? 1 : 255;
    return [red / whole, green / whole, blue / whole, opacity];
  };
  const over = (front, back) => back.map((part, at) => at === 3 ? 1 : front[at] * front[3] + part * (1 - front[3]));
  const backOf = (element) => {
    if (!element) return colour(getComputedStyle(document.documentElement).colorScheme.includes('dark')
      && matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)');
    const own = colour(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, backOf(element.parentElement));
  };
  const opacityOf = (element) => element ? Number(getComputedStyle(element).opacity) * opacityOf(element.parentElement) : 1;
  const brightness = (of) => of.slice(0, 3).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const back = backOf(element);
    const [red, green, blue, opacity] = colour(style.color);
    const values = [over([red, green, blue, opacity * opacityOf(element)], back), back].map(brightness).sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    return { ratio: (values[0] + 0.05) / (values[1] + 0.05), least: large ? 3 : 4.5 };
  };
  return {
    text: () => document.body ? document.body.innerText : '',
    title: () => document.title,
    isThere: () => document.readyState === 'complete',
    // After the next picture: what has `autofocus` gets it when a page is drawn for the first time.
    drawn: () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))),
    focus: () => {
      const element = document.activeElement;
      if (!element || element === document.body || element === document.documentElement) return null;
      return { name: nameOf(element), tag: element.localName, visible: hasRing(element) && isInView(element) };
    },
    names: () => all().map(nameOf),
    // The middle of what a person would click who looks for these words.
    place: (name, isPart) => {
      const isIt = (candidate) => isPart ? nameOf(candidate).split(' ').includes(name) : nameOf(candidate) === name;
      const element = all().find((candidate) => candidate.localName !== 'label' && isIt(candidate)) || all().find(isIt);
      if (!element) return null;
      element.scrollIntoView({ block: 'center', behavior: 'instant' });
      return { ...middle(element), free: isInView(element) };
    },
    value: (name) => all().find((candidate) => 'value' in candidate && nameOf(candidate) === name)?.value ?? null,
    shown: (selector) => [...document.querySelectorAll(selector)].filter(isShown).map((element) => element.innerText),
    // What sticks out to the side, so that a page would have to be pushed about to be read.
    sticksOut: () => document.documentElement.scrollWidth <= innerWidth ? []
      : [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => `<${element.localName}> ${nameOf(element).slice(0, 40)}`),
    // Texts that are hard to read against what is behind them (WCAG 2.2, 1.4.3).
    faint: () => [...document.querySelectorAll('body, body *')].filter(isShown).filter((element) =>
      [...element.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim())).map((element) => {
      const { ratio, least } = contrast(element);
      return ratio < least ? `${ratio.toFixed(2)}: ${element.innerText.slice(0, 40)}` : '';
    }).filter(Boolean),
    size: () => ({ width: innerWidth, height: Math.max(document.documentElement.scrollHeight, innerHeight) }),
  };
})()
