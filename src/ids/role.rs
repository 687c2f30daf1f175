//! What a key of the farm is for.

use super::ParseError;

/// What the holder of a key may do. Everybody who has a key sees the farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything: the farm's own key, from which those of the other roles follow.
    Admin,
    /// An artist: sends jobs, and changes jobs that were sent with such a key.
    Submit,
    /// A machine: takes work and delivers it.
    Render,
}

impl Role {
    /// All of them, the one with the most rights first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Submit, Self::Render];

    /// Its spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Submit => "submit",
            Self::Render => "render",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| ParseError(format!("{text:?} is no role of a key: admin, submit or render")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_back_as_it_was_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("Admin".parse::<Role>().is_err());
    }
}
