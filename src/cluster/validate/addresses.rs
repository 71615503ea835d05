//! Ranges of addresses: their spelling, and whether two overlap.

use ipnet::{IpNet, Ipv4Net};

/// The ranges of a field: one, or one of each family with a comma between.
pub fn parse(text: &str) -> Result<Vec<IpNet>, String> {
    let mut ranges: Vec<IpNet> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Ok(range) = part.parse::<IpNet>() else {
            return Err(format!("{part:?} is not a range of addresses such as 10.233.64.0/18"));
        };
        if range != range.trunc() {
            return Err(format!("{part:?} is an address inside a range; the range itself is {}", range.trunc()));
        }
        ranges.push(range);
    }
    let families = |left: &IpNet, right: &IpNet| left.addr().is_ipv4() == right.addr().is_ipv4();
    match ranges.as_slice() {
        [_] => Ok(ranges),
        [first, second] if !families(first, second) => Ok(ranges),
        _ => Err("must be one range, or an IPv4 range, a comma and an IPv6 range".into()),
    }
}

/// The IPv4 range of a field.
pub fn ipv4(text: &str) -> Option<Ipv4Net> {
    parse(text).ok()?.into_iter().find_map(|range| match range {
        IpNet::V4(range) => Some(range),
        IpNet::V6(_) => None,
    })
}

/// Whether an address lies in both.
pub fn overlap(left: &IpNet, right: &IpNet) -> bool {
    left.contains(&right.network()) || right.contains(&left.network())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(parse("10.233.64.0/18").unwrap().len(), 1);
        assert_eq!(parse("10.233.64.0/18,fd85::/48").unwrap().len(), 2);
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8,10.1.0.0/16", "a/8", "10.0.0.0/8,"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    fn any_range() -> impl Strategy<Value = IpNet> {
        // Few distinct high bits, so that many pairs do overlap.
        (0u32..64, 20u8..=32).prop_map(|(bits, prefix)| {
            let address = Ipv4Addr::from(0x0a00_0000 | bits << 6);
            IpNet::new(IpAddr::V4(address), prefix).unwrap().trunc()
        })
    }

    proptest! {
        #[test]
        fn ranges_overlap_exactly_where_they_share_an_address(left in any_range(), right in any_range()) {
            let (IpNet::V4(first), IpNet::V4(second)) = (left, right) else { unreachable!() };
            let low = u32::from(first.network()).max(u32::from(second.network()));
            let high = u32::from(first.broadcast()).min(u32::from(second.broadcast()));
            prop_assert_eq!(overlap(&left, &right), low <= high);
            prop_assert_eq!(overlap(&left, &right), overlap(&right, &left));
        }
    }
}
