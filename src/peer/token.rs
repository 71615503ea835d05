//! The word that readers must know.

use std::io::{BufRead, Read};

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use crate::digest::to_hex;

/// 128 random bits, as 32 hex digits. They reach both ends over SSH, on standard input and so in no process list.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

/// What was given is no token, or none can be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("this machine gives no random numbers")]
    Random,
    #[error("the first line of standard input is not a token: 32 hex digits")]
    Form,
    #[error("standard input cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

const DIGITS: usize = 32;

impl Token {
    /// A new one.
    pub fn random() -> Result<Self, TokenError> {
        let mut bytes = [0; DIGITS / 2];
        SystemRandom::new().fill(&mut bytes).map_err(|_| TokenError::Random)?;
        Ok(Self(to_hex(&bytes).into()))
    }

    /// The first line of what is read.
    pub fn read(input: impl Read) -> Result<Self, TokenError> {
        let mut line = String::new();
        std::io::BufReader::new(input.take(DIGITS as u64 + 2)).read_line(&mut line)?;
        let word = line.trim_end();
        match word.len() == DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Self(word.to_owned().into())),
            false => Err(TokenError::Form),
        }
    }

    /// For requests and for scripts, which are secret themselves.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether somebody knows it; takes as long wherever the first difference is.
    pub(super) fn is(&self, said: &str) -> bool {
        let (known, said) = (self.expose().as_bytes(), said.as_bytes());
        known.len() == said.len() && known.iter().zip(said).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}
