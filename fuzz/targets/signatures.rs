//! `bundle.sig`, lists of keys, endorsements and receipts.
#![no_main]

use kk::trust::{Namespace, PublicKey, Signature, SignatureFile, Trust, accept, key_list, receipt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = SignatureFile::parse(bytes) {
        assert_eq!(SignatureFile::parse(&file.to_bytes()).expect("what was written can be read"), file);
        // As if it came from somebody who is trusted.
        let _ = accept(&file, b"{}", &Trust { trusted: vec![file.signature.signer().clone()], ..Trust::default() });
    }
    if let Ok(endorsements) = SignatureFile::parse_endorsements(bytes) {
        for one in endorsements {
            let _ = one.check();
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for namespace in [Namespace::Bundle, Namespace::Key, Namespace::Receipt] {
        let _ = Signature::parse(text, namespace).map(|signature| signature.check(b"{}"));
        let _ = key_list(text, namespace);
    }
    let key = PublicKey::parse(text);
    if let Ok(key) = &key {
        assert!(PublicKey::parse(&key.line()).expect("a line that was written can be read").is(key));
    }
    if let Ok(signed) = receipt::read(text) {
        assert_eq!(receipt::read(&signed.lines()).expect("lines that were written can be read"), signed);
        assert_eq!(receipt::read(&signed.compact()).expect("and so can a run"), signed);
    }
});
