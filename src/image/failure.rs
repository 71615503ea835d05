//! What an HTTP failure says: a registry's own words, and the cause inside a broken connection.

use std::error::Error;

use super::error::{CertificateProblem, Said};

/// Reads the error body of the distribution specification; any other text is kept as the message.
pub(super) fn said(body: &[u8]) -> Said {
    let clip = |text: &str| -> String {
        let line: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
        line.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").chars().take(300).collect()
    };
    if let Ok(envelope) = serde_json::from_slice::<oci_distribution::errors::OciEnvelope>(body) {
        let Some(first) = envelope.errors.into_iter().next() else { return Said::default() };
        let code = serde_json::to_value(&first.code).ok().and_then(|code| code.as_str().map(str::to_string));
        return Said { code: clip(&code.unwrap_or_default()), message: clip(&first.message) };
    }
    let text = String::from_utf8_lossy(body);
    // A proxy's error page says nothing that is worth a person's time.
    let message = if text.trim_start().starts_with('<') { String::new() } else { clip(&text) };
    Said { code: String::new(), message }
}

/// An error with all its causes, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(super) fn certificate_problem(error: &reqwest::Error) -> Option<CertificateProblem> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(classify(found));
        }
        // An I/O error names its inner error's cause as its own, and so hides the inner error itself.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn classify(error: &rustls::Error) -> CertificateProblem {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => CertificateProblem::UnknownIssuer,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => CertificateProblem::OtherName,
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                CertificateProblem::Expired
            }
            _ => CertificateProblem::Other,
        },
        rustls::Error::InvalidMessage(_) => CertificateProblem::NotTls,
        _ => CertificateProblem::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_are_kept_short_and_on_one_line() {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest\nunknown","detail":{"Tag":"x"}}]}"#;
        assert_eq!(said(body), Said { code: "MANIFEST_UNKNOWN".into(), message: "manifest unknown".into() });
        assert_eq!(said(br#"{"errors":[]}"#), Said::default());
        assert_eq!(said(b"<html>Bad Gateway</html>"), Said::default());
        assert_eq!(said(b"  plain \x1b[31m words  ").message, "plain [31m words");
        assert_eq!(said("x".repeat(4000).as_bytes()).message.len(), 300);
    }
}
