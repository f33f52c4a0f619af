//! Long tables, a page at a time.

use crate::form::Form;

/// How many rows a page has.
const ROWS: usize = 25;

/// One page of a table, and the way to its neighbours.
pub(super) struct Paged<T> {
    pub(super) rows: Vec<T>,
    pub(super) search: String,
    /// Of everything, or of what was searched for.
    pub(super) total: usize,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl<T> Paged<T> {
    /// The page that `page` names, of what holds the words of `search`.
    pub(super) fn of<S>(
        query: &Form,
        path: &str,
        all: impl Iterator<Item = S>,
        holds: impl Fn(&S, &str) -> bool,
        show: impl Fn(S) -> T,
    ) -> Self {
        let search = query.get("search").unwrap_or_default().trim();
        let wanted = search.to_lowercase();
        let found: Vec<_> = all.filter(|row| wanted.is_empty() || holds(row, &wanted)).collect();
        let (total, pages) = (found.len(), found.len().div_ceil(ROWS).max(1));
        let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, pages);
        let link = |page: usize| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            if !search.is_empty() {
                query.append_pair("search", search);
            }
            query.append_pair("page", &page.to_string());
            format!("{path}?{}", query.finish())
        };
        let before = (page - 1) * ROWS;
        let rows: Vec<_> = found.into_iter().skip(before).take(ROWS).map(show).collect();
        Self {
            search: search.to_owned(),
            total,
            first: if rows.is_empty() { 0 } else { before + 1 },
            last: before + rows.len(),
            rows,
            previous: (page > 1).then(|| link(page - 1)),
            next: (page < pages).then(|| link(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Paged<usize> {
        let holds = |number: &usize, wanted: &str| number.to_string().contains(wanted);
        Paged::of(&Form::parse(query.as_bytes()), "/x", 0..60, holds, |number| number)
    }

    #[test]
    fn every_row_is_on_one_page_and_the_pages_lead_to_each_other() {
        let (first, last) = (page(""), page("page=3"));
        assert_eq!((first.rows.len(), first.first, first.last, first.total), (25, 1, 25, 60));
        assert_eq!((first.previous, first.next.as_deref()), (None, Some("/x?page=2")));
        assert_eq!((last.rows, last.previous.as_deref(), last.next), ((50..60).collect(), Some("/x?page=2"), None));
        assert_eq!(page("page=900").first, 51);
        assert_eq!(page("page=0").first, 1);
    }

    #[test]
    fn a_search_goes_along_and_may_find_nothing() {
        assert_eq!(page("search=9").rows, [9, 19, 29, 39, 49, 59]);
        let nothing = page("search=a%26b");
        assert_eq!((nothing.total, nothing.first, nothing.last, nothing.search.as_str()), (0, 0, 0, "a&b"));
    }
}
