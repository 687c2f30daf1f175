//! Which role somebody has who calls, and the sentence for what that role may not do.

use super::FarmKey;
use crate::error::Error;
use crate::ids::Role;

/// The bearer tokens of a farm, worked out once for all calls.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<(Role, blake3::Hash)>);

impl Tokens {
    /// Those of every key that follows from this one.
    #[must_use]
    pub fn of(key: &FarmKey) -> Self {
        let keys = Role::ALL.into_iter().filter_map(|role| key.for_role(role).ok());
        Self(keys.map(|key| (key.role(), key.token())).collect())
    }

    /// The role of whoever sends this; none: a stranger. Takes the same time whichever it is, and wherever it differs.
    #[must_use]
    pub fn role(&self, bearer: &str) -> Option<Role> {
        let token = blake3::Hash::from_hex(bearer).ok()?;
        let compared = self.0.iter().map(|(role, known)| (*known == token).then_some(*role));
        compared.fold(None, |found, role| role.or(found))
    }
}

/// The failure of a key's holder who wants to do what only these may.
#[must_use]
pub fn forbidden(held: Role, what: &str, allowed: Role) -> Error {
    let error = Error::forbidden(format!("a key to {held} may not {what}"));
    match allowed {
        Role::Admin => error.hint("that takes the farm's own key, which its administrator has"),
        role => error.hint(format!(
            "a key to {role} may: netrender key hand-over --role {role}, on the master's machine, shows the line to keep with netrender key add LINE"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_known_by_its_role_and_strangers_by_none() {
        let key = FarmKey::generate().unwrap();
        let tokens = Tokens::of(&key);
        for role in Role::ALL {
            assert_eq!(tokens.role(&key.for_role(role).unwrap().bearer()), Some(role));
        }
        for stranger in [FarmKey::generate().unwrap().bearer(), key.to_string(), String::new()] {
            assert_eq!(tokens.role(&stranger), None);
        }
        let of_lesser = Tokens::of(&key.for_role(Role::Submit).unwrap());
        assert_eq!(of_lesser.role(&key.bearer()), None, "a lesser key opened for the farm's own");
    }

    #[test]
    fn who_may_not_is_told_which_key_may() {
        let error = forbidden(Role::Submit, "let a slave work", Role::Render).to_string();
        assert!(
            error.starts_with("a key to submit may not let a slave work; a key to render may"),
            "{error}"
        );
        let error = forbidden(Role::Render, "pause slaves", Role::Admin).to_string();
        assert!(error.ends_with("which its administrator has"), "{error}");
    }
}
