//! A QR code for a terminal with light letters on a dark ground.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The text as a QR code of half blocks, with its margin; `None` where it is too long for one.
pub fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let image = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_fits_a_terminal() {
        // A note of 103 bytes and a long name: 14 lines of 22 letters and dots between them.
        let code = qr(&format!("KK1.{}", "0123456789ABCDEFGHJKM.".repeat(14))).unwrap();
        let lines: Vec<&str> = code.lines().collect();
        assert!(lines.len() <= 36, "{}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        // Light margin first: blocks, as on a dark terminal.
        assert!(lines[0].chars().all(|letter| letter == '█'));
        assert!(qr(&"A".repeat(5000)).is_none());
    }
}
