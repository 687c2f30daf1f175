//! Ids on the wire: their one spelling as text (`#[serde(with = "text")]`), checked when read.

use serde::{Deserialize, Deserializer, Serializer};
use std::fmt::Display;
use std::str::FromStr;

/// Writes the value's text.
pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads the value from its text; the error is the type's own sentence.
pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// The same for `Option` (`#[serde(default, with = "text::option")]`).
pub mod option {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    /// Writes the value's text or null.
    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the value from its text or null.
    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// The same for lists (`#[serde(with = "text::list")]`).
pub mod list {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    /// Writes each value's text.
    pub fn serialize<T: Display, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    /// Reads each value from its text.
    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .collect()
    }
}

/// The same for lists that may be absent (`#[serde(default, with = "text::optional_list")]`).
pub mod optional_list {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    /// Writes each value's text, or null.
    pub fn serialize<T: Display, S: Serializer>(values: &Option<Vec<T>>, serializer: S) -> Result<S::Ok, S::Error> {
        match values {
            Some(values) => super::list::serialize(values, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads each value from its text, or null.
    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
        Option::<Vec<String>>::deserialize(deserializer)?
            .map(|texts| {
                texts
                    .iter()
                    .map(|text| text.parse().map_err(serde::de::Error::custom))
                    .collect()
            })
            .transpose()
    }
}
