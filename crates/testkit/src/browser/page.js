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
  const isInView = (element) => {
    const box = element.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return at !== null && (element.contains(at) || at.contains(element));
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
    place: (name) => {
      const element = all().find((candidate) => candidate.localName !== 'label' && nameOf(candidate) === name)
        || all().find((candidate) => nameOf(candidate) === name);
      if (!element) return null;
      element.scrollIntoView({ block: 'center', behavior: 'instant' });
      const box = element.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2, free: isInView(element) };
    },
    value: (name) => all().find((candidate) => 'value' in candidate && nameOf(candidate) === name)?.value ?? null,
    shown: (selector) => [...document.querySelectorAll(selector)].filter(isShown).map((element) => element.innerText),
    // What sticks out to the side, so that a page would have to be pushed about to be read.
    sticksOut: () => document.documentElement.scrollWidth <= innerWidth ? []
      : [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => `<${element.localName}> ${nameOf(element).slice(0, 40)}`),
    size: () => ({ width: innerWidth, height: Math.max(document.documentElement.scrollHeight, innerHeight) }),
  };
})()
