//! What a job asks of the machine that renders it, written as people write it: `cores>=8; os=linux; gpu=cuda`.
//!
//! A closed language: clauses joined by `;`, all of which must hold; each is a property, a comparison and a value. Words
//! may have several values joined by `,`, of which one must fit. There are no variables, no nesting and no functions.

use super::ParseError;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Longest text of requirements.
pub const REQUIREMENTS_BYTES_MAX: usize = 1_000;

/// What a machine must be; nothing is asked of it if empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Requirements {
    clauses: Vec<Requirement>,
}

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// `slave=a,b`, `os=linux`, `gpu!=cuda`.
    Word {
        /// Of what.
        property: WordProperty,
        /// Whether one of the words must fit, or none may.
        is: bool,
        /// Any of them; never empty.
        words: Vec<String>,
    },
    /// `cores>=8`.
    Number {
        /// Of what.
        property: NumberProperty,
        /// How it compares.
        comparison: Comparison,
        /// To what.
        number: u32,
    },
    /// `blender=4.2`: there is a Blender of which this holds.
    Blender {
        /// How it compares.
        comparison: Comparison,
        /// Major and minor number, and perhaps the patch.
        version: Vec<u16>,
    },
}

/// A property that has words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordProperty {
    /// The slave's name.
    Slave,
    /// The name of its operating system; a part of it is enough.
    Os,
    /// What its Blender renders with beside the processor, such as `cuda`; a part of a device's name is enough.
    Gpu,
}

/// A property that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberProperty {
    /// Logical cores.
    Cores,
    /// Built-in memory in GiB.
    MemoryGib,
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
}

/// With their spelling; one that begins another comes after it.
const COMPARISONS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::IsNot),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Is),
];
const WORD_PROPERTIES: [(&str, WordProperty); 3] = [
    ("slave", WordProperty::Slave),
    ("os", WordProperty::Os),
    ("gpu", WordProperty::Gpu),
];
const NUMBER_PROPERTIES: [(&str, NumberProperty); 2] =
    [("cores", NumberProperty::Cores), ("memory_gib", NumberProperty::MemoryGib)];
const BLENDER: &str = "blender";

impl Requirements {
    /// All clauses, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.clauses.iter()
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }
}

impl Comparison {
    /// Whether it holds between two values of which the first compares like this to the second.
    #[must_use]
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Is => ordering.is_eq(),
            Self::IsNot => ordering.is_ne(),
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::Above => ordering.is_gt(),
            Self::Below => ordering.is_lt(),
        }
    }
}

impl FromStr for Requirements {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > REQUIREMENTS_BYTES_MAX {
            return Err(ParseError(format!(
                "requirements are longer than {REQUIREMENTS_BYTES_MAX} bytes"
            )));
        }
        let mut clauses = Vec::new();
        let mut column = 1;
        for clause in text.split(';') {
            let part = Part { text: clause, column }.trimmed();
            if !part.text.is_empty() {
                clauses.push(part.clause()?);
            }
            column += clause.chars().count() + 1;
        }
        Ok(Self { clauses })
    }
}

/// A part of the text, and the column at which it begins.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    column: usize,
}

impl Part<'_> {
    fn clause(self) -> Result<Requirement, ParseError> {
        let name_end = |c: char| !c.is_alphanumeric() && c != '_';
        let (name, rest) = self.split_at(self.text.find(name_end).unwrap_or(self.text.len()));
        let rest = rest.trimmed();
        let lower = name.text.to_ascii_lowercase();
        let words = WORD_PROPERTIES.iter().find(|(spelling, _)| *spelling == lower);
        let number = NUMBER_PROPERTIES.iter().find(|(spelling, _)| *spelling == lower);
        if let Some((_, property)) = words {
            return rest.words(*property);
        }
        if let Some((_, property)) = number {
            let (comparison, value) = rest.comparison()?;
            let number = value.text.parse();
            let number = number.map_err(|_| value.fault(format_args!("{:?} is no whole number", value.text)))?;
            let property = *property;
            return Ok(Requirement::Number {
                property,
                comparison,
                number,
            });
        }
        if lower == BLENDER {
            let (comparison, value) = rest.comparison()?;
            let version = value.version()?;
            return Ok(Requirement::Blender { comparison, version });
        }
        let known = "slave, cores, memory_gib, os, gpu and blender are";
        Err(name.fault(format_args!("{:?} is no property of a slave ({known})", name.text)))
    }

    fn words(self, property: WordProperty) -> Result<Requirement, ParseError> {
        let (comparison, values) = self.comparison()?;
        let is = match comparison {
            Comparison::Is => true,
            Comparison::IsNot => false,
            _ => return Err(self.fault("words can only be compared by = and !=")),
        };
        let mut words = Vec::new();
        let mut column = values.column;
        for value in values.text.split(',') {
            let word = Part { text: value, column }.trimmed();
            if word.text.is_empty() {
                return Err(word.fault("a value is missing"));
            }
            if word.text.chars().any(char::is_control) {
                return Err(word.fault("a control character is no part of a value"));
            }
            words.push(word.text.to_owned());
            column += value.chars().count() + 1;
        }
        Ok(Requirement::Word { property, is, words })
    }

    fn version(self) -> Result<Vec<u16>, ParseError> {
        let wrong = || self.fault(format_args!("{:?} is no version such as 4.2", self.text));
        let numbers: Result<Vec<u16>, _> = self.text.split('.').map(str::parse).collect();
        let numbers = numbers.map_err(|_| wrong())?;
        if (2..=3).contains(&numbers.len()) {
            Ok(numbers)
        } else {
            Err(wrong())
        }
    }

    /// The comparison at the beginning, and the value after it.
    fn comparison(self) -> Result<(Comparison, Self), ParseError> {
        let found = COMPARISONS.iter().find(|(spelling, _)| self.text.starts_with(spelling));
        let Some((spelling, comparison)) = found else {
            return Err(self.fault("one of = != >= <= > < is missing"));
        };
        let value = self.split_at(spelling.len()).1.trimmed();
        if value.text.is_empty() {
            return Err(value.fault("a value is missing"));
        }
        Ok((*comparison, value))
    }

    fn trimmed(self) -> Self {
        let text = self.text.trim_start();
        let blanks = self.text.chars().count() - text.chars().count();
        Self {
            text: text.trim_end(),
            column: self.column + blanks,
        }
    }

    fn split_at(self, place: usize) -> (Self, Self) {
        let (before, after) = self.text.split_at(place);
        let column = self.column + before.chars().count();
        (Self { text: before, ..self }, Self { text: after, column })
    }

    fn fault(self, sentence: impl fmt::Display) -> ParseError {
        ParseError(format!("requirements, column {}: {sentence}", self.column))
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, clause) in self.clauses.iter().enumerate() {
            let joint = if place == 0 { "" } else { "; " };
            write!(f, "{joint}{clause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word { property, is, words } => {
                let comparison = if *is { "=" } else { "!=" };
                write!(f, "{}{comparison}{}", spelling(&WORD_PROPERTIES, property), words.join(","))
            }
            Self::Number {
                property,
                comparison,
                number,
            } => write!(
                f,
                "{}{}{number}",
                spelling(&NUMBER_PROPERTIES, property),
                spelling(&COMPARISONS, comparison)
            ),
            Self::Blender { comparison, version } => {
                let version: Vec<String> = version.iter().map(ToString::to_string).collect();
                write!(f, "{BLENDER}{}{}", spelling(&COMPARISONS, comparison), version.join("."))
            }
        }
    }
}

fn spelling<T: PartialEq>(all: &[(&'static str, T)], wanted: &T) -> &'static str {
    all.iter().find(|(_, it)| it == wanted).map_or("", |(spelling, _)| spelling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_in_one_spelling() {
        for (text, spelling) in [
            ("", ""),
            (" ; ", ""),
            ("cores>=8", "cores>=8"),
            (
                " slave = a , node 3;cores>8 ; memory_gib >=32;OS=linux; gpu != cuda;blender=4.2;",
                "slave=a,node 3; cores>8; memory_gib>=32; os=linux; gpu!=cuda; blender=4.2",
            ),
            ("blender<5.0.1", "blender<5.0.1"),
        ] {
            let requirements: Requirements = text.parse().unwrap();
            assert_eq!(requirements.to_string(), spelling);
            assert_eq!(spelling.parse::<Requirements>().unwrap(), requirements);
        }
    }

    #[test]
    fn errors_name_the_column() {
        for (text, column, sentence) in [
            ("core>=8", 1, "\"core\" is no property"),
            ("os=linux;  ram>8", 12, "\"ram\" is no property"),
            ("cores", 6, "one of = != >= <= > < is missing"),
            ("cores ~ 8", 7, "one of ="),
            ("cores >= ", 9, "a value is missing"),
            ("cores >= viel", 10, "\"viel\" is no whole number"),
            ("os=ü; cores=-1", 13, "\"-1\" is no whole number"),
            ("slave=a,,b", 9, "a value is missing"),
            ("os>linux", 3, "only be compared by = and !="),
            ("blender=4", 9, "\"4\" is no version"),
            ("blender=4.2.1.0", 9, "is no version"),
            ("=8", 1, "\"\" is no property"),
        ] {
            let ParseError(told) = text.parse::<Requirements>().unwrap_err();
            assert!(
                told.starts_with(&format!("requirements, column {column}: ")),
                "{text}: {told}"
            );
            assert!(told.contains(sentence), "{text}: {told}");
        }
        assert!("x".repeat(1_001).parse::<Requirements>().is_err());
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise() {
        let mut random = fastrand::Rng::with_seed(7);
        let pieces = [
            "slave", "cores", "blender", "=", ">=", "<", ",", ";", " ", "4.2", "8", "ü", "\u{0}", "!",
        ];
        for _ in 0..20_000 {
            let text: String = (0..random.usize(0..9)).map(|_| random.choice(pieces).unwrap()).collect();
            if let Ok(requirements) = text.parse::<Requirements>() {
                assert_eq!(requirements.to_string().parse(), Ok(requirements), "{text:?}");
            }
        }
    }
}
