//! `FilterOverrides`: which filters are off or on for a route.

use tollgate_config::PerFilter;

/// What the scopes around a route say about filters, the most specific first.
#[derive(Debug, Default)]
pub(super) struct FilterOverrides(Vec<(String, bool)>);

impl FilterOverrides {
    /// Returns the overrides of several scopes, of which the first that names a filter counts.
    pub(super) fn new(scopes: &[&[PerFilter]]) -> Self {
        let mut overrides: Vec<(String, bool)> = Vec::new();
        for filter in scopes.iter().copied().flatten() {
            if !overrides.iter().any(|(name, _)| *name == filter.name) {
                overrides.push((filter.name.clone(), filter.disabled));
            }
        }
        Self(overrides)
    }

    /// Returns whether a filter is off; `None` when the chain's own setting counts.
    pub(super) fn disabled(&self, filter: &str) -> Option<bool> {
        let found = self.0.iter().find(|(name, _)| name == filter);
        found.map(|(_, disabled)| *disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str, disabled: bool) -> Vec<PerFilter> {
        vec![PerFilter {
            name: name.to_owned(),
            disabled,
        }]
    }

    #[test]
    fn the_most_specific_scope_wins() {
        let (route, host) = (scope("auth", false), scope("auth", true));
        let overrides = FilterOverrides::new(&[&route, &host]);
        assert_eq!(overrides.disabled("auth"), Some(false));
    }

    #[test]
    fn a_wider_scope_counts_for_filters_that_the_route_does_not_name() {
        let (route, host) = (scope("auth", false), scope("limit", true));
        let overrides = FilterOverrides::new(&[&route, &host]);
        assert_eq!(overrides.disabled("limit"), Some(true));
        assert_eq!(overrides.disabled("other"), None);
    }
}
