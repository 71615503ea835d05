//! What small files hold now, for the diffs of a dry run. Only of files whose content a plan may show.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::script::{Marker, Places, results, wrap};
use super::{Content, Part};
use crate::host::Step;
use crate::host::Word;

/// Larger files are not shown.
const LARGEST: u64 = 256 << 10;

/// What a part's file holds, and what it would hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `None`: there is no such file yet.
    pub now: Option<String>,
    pub then: String,
}

const SHELL: &str = r#"
kk_show() { kk_say "$1" "$2" "$(base64 | tr -d '\n')"; }
kk_look() {
  if [ ! -f "$2" ]; then kk_say "$1" missing; return; fi
  [ "$(stat -L -c %s -- "$2")" -le kk_largest ] && kk_show "$1" now <"$2"
}
"#;

/// A script that prints what the files of these parts hold; secret files and other kinds of parts are passed over.
pub fn look_script(step: &Step, indices: &[usize], places: &Places, marker: &Marker) -> String {
    wrap(&step.parts, places, marker, 0, |body| {
        body.push_str(&SHELL.replace("kk_largest", &LARGEST.to_string()));
        for &index in indices {
            match step.parts.get(index) {
                Some(Part::File(part)) if matches!(part.content, Content::Plain(_)) => {
                    let _ = writeln!(body, "kk_look {index} {}", Word(&part.path));
                }
                Some(Part::Block(part)) => {
                    let _ = writeln!(body, "kk_look {index} {}", Word(&part.path));
                    part.render(body);
                    let _ = writeln!(body, " | kk_show {index} then");
                }
                _ => {}
            }
        }
        body.push_str("return 0");
    })
}

/// What such a script printed, by the place of the part.
pub fn read_look(step: &Step, marker: &Marker, stdout: &str) -> Vec<(usize, Change)> {
    let decode = |text: &str| Some(String::from_utf8_lossy(&STANDARD.decode(text).ok()?).into_owned());
    let mut changes: Vec<(usize, Change)> = Vec::new();
    for (index, words) in results(marker, stdout) {
        let then = match step.parts.get(index) {
            Some(Part::File(part)) => part.content.expose().to_owned(),
            Some(Part::Block(_)) => String::new(),
            _ => continue,
        };
        match words.as_slice() {
            ["missing"] => changes.push((index, Change { now: None, then })),
            ["now", text] => changes.extend(decode(text).map(|now| (index, Change { now: Some(now), then }))),
            ["then", text] => {
                if let (Some((_, change)), Some(then)) =
                    (changes.iter_mut().find(|(known, _)| *known == index), decode(text))
                {
                    change.then = then;
                }
            }
            _ => {}
        }
    }
    changes
}
