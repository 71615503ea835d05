//! Tables without lines: what a person reads and `awk` cuts.

use comfy_table::{ContentArrangement, Table, presets};

/// Rows under headers, in aligned columns two spaces apart, never wrapped.
pub fn table<R>(headers: &[&str], rows: impl IntoIterator<Item = R>) -> String
where
    R: IntoIterator<Item: Into<String>>,
{
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers.iter().map(|header| header.to_uppercase()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row.into_iter().map(|cell| super::narrator::printable(&cell.into())).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let text = table(&["name", "version"], [["kubeadm", "v1.36.2"], ["etcd", "v3.6.1"]]);
        insta::assert_snapshot!(text, @r"
        NAME     VERSION
        kubeadm  v1.36.2
        etcd     v3.6.1
        ");
    }
}
