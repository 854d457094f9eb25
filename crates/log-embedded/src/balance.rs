//! Who should own which partitions: even shares, moving as few as possible. Pure.

/// One member and the partitions it holds and is not giving up.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) member: u64,
    pub(crate) held: Vec<u32>,
}

/// How many partitions each member should have, in the order of `shares`. Those that hold most
/// get the odd ones, so that nothing moves without need.
fn targets(shares: &[Share], partitions: usize) -> Vec<usize> {
    let Some(even) = partitions.checked_div(shares.len()) else {
        return Vec::new();
    };
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&n| (usize::MAX - shares[n].held.len(), shares[n].member));
    let mut targets = vec![even; shares.len()];
    for &n in order.iter().take(partitions % shares.len()) {
        targets[n] += 1;
    }
    targets
}

/// What members that hold more than their share should give up.
pub(crate) fn excess(shares: &[Share], partitions: usize) -> Vec<(u64, Vec<u32>)> {
    let mut excess = Vec::new();
    for (share, target) in shares.iter().zip(targets(shares, partitions)) {
        if share.held.len() > target {
            let mut held = share.held.clone();
            held.sort_unstable();
            excess.push((share.member, held.split_off(target)));
        }
    }
    excess
}

/// Whom the free partitions should go to.
pub(crate) fn assign(shares: &[Share], partitions: usize, free: &[u32]) -> Vec<(u64, Vec<u32>)> {
    let targets = targets(shares, partitions);
    let mut given: Vec<Vec<u32>> = vec![Vec::new(); shares.len()];
    for &partition in free {
        let missing =
            |n: &usize| targets[*n].saturating_sub(shares[*n].held.len() + given[*n].len());
        let neediest = (0..shares.len()).rev().max_by_key(missing);
        if let Some(n) = neediest.filter(|n| missing(n) > 0) {
            given[n].push(partition);
        }
    }
    let members = shares.iter().map(|share| share.member);
    members
        .zip(given)
        .filter(|(_, given)| !given.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(member: u64, held: &[u32]) -> Share {
        Share {
            member,
            held: held.to_vec(),
        }
    }

    #[test]
    fn the_first_member_gets_everything() {
        assert_eq!(
            assign(&[share(1, &[])], 3, &[0, 1, 2]),
            [(1, vec![0, 1, 2])]
        );
        assert!(assign(&[], 3, &[0, 1, 2]).is_empty());
    }

    #[test]
    fn a_second_member_gets_half_and_nothing_else_moves() {
        let shares = [share(1, &[0, 1, 2, 3]), share(2, &[])];
        assert_eq!(excess(&shares, 4), [(1, vec![2, 3])]);
        let shares = [share(1, &[0, 1]), share(2, &[])];
        assert!(excess(&shares, 4).is_empty());
        assert_eq!(assign(&shares, 4, &[2, 3]), [(2, vec![2, 3])]);
    }

    #[test]
    fn odd_partitions_stay_where_they_are() {
        let shares = [share(1, &[0]), share(2, &[1, 2])];
        assert!(excess(&shares, 3).is_empty());
    }

    #[test]
    fn more_members_than_partitions_leave_some_idle() {
        let shares = [share(1, &[0]), share(2, &[]), share(3, &[])];
        assert!(excess(&shares, 2).is_empty());
        assert_eq!(assign(&shares, 2, &[1]).len(), 1);
    }
}
