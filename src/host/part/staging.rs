//! Room on a host for what is uploaded.

use super::Source;
use super::script::{Marker, Places, wrap};

/// A script that makes the folder for uploads and sees to it that they fit on the disk.
pub fn staging_script(sources: &[&Source], places: &Places) -> String {
    let kib = sources.iter().map(|source| source.size).sum::<u64>().div_ceil(1024);
    // What is placed lies beside what it was unpacked from for a moment.
    let needed = kib * 2;
    let body = format!(
        r#"kk_folder staging || return 1
find "$kk_state/staging" "$kk_state/peers" -type f -mtime +1 -exec rm -f -- {{}} + 2>/dev/null
kk_free() {{ df -Pk -- "$kk_state/staging" | awk 'NR == 2 {{ print $4 }}'; }}
kk_free=$(kk_free)
[ "${{kk_free:-0}}" -ge {needed} ] && return 0
# What is kept for other hosts, and what killed runs left of it, goes first.
rm -f -- "$kk_state"/peers/*/files/*
kk_free=$(kk_free)
[ "${{kk_free:-0}}" -ge {needed} ] && return 0
echo "$kk_state has $((${{kk_free:-0}} / 1024)) MiB free and {} MiB are needed" >&2
return 28"#,
        needed.div_ceil(1024)
    );
    wrap(&[], places, &Marker::random(), body.len(), |script| script.push_str(&body))
}
