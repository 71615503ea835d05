//! A line of shell as the words of its command: enough of the shell for what pages show.

/// Single spaces between words; assignments before the command are left out.
pub fn tidy(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let assigned = words.iter().take_while(|word| is_assignment(word)).count();
    words[assigned..].join(" ")
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit())
    })
}

/// The words of a command, quotes taken off; what follows a pipe or a redirection is left out.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '<' | ';' | '&') => break,
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn a_line_becomes_words() {
    assert_eq!(tidy("KK_MIRROR='*=http://a'  kk  version"), "kk version");
    assert_eq!(words("kk config view -f 'a b.yaml' | less"), ["kk", "config", "view", "-f", "a b.yaml"]);
}
