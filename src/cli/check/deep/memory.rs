//! What hashing takes at most, held against what this machine, or the group of processes around us, has.
use std::fs;
use std::path::Path;

use super::{Look, Verdict};
use crate::password::Settings;

pub(super) fn look(settings: &Settings) -> Look {
    judge(settings, most(Path::new("/")))
}

fn judge(settings: &Settings, most: Option<(u64, &'static str)>) -> Look {
    let (hashes, each) = (settings.parallel_hashes as u64, u64::from(settings.cost.memory_kib) * 1024);
    let all = hashes.saturating_mul(each);
    let plural = if hashes == 1 { "hash" } else { "hashes" };
    let sum = format!("{hashes} {plural} x {} = {}", size(each), size(all));
    let Some((most, whose)) = most else {
        return Look::new("memory", "", Verdict::Fine, format!("{sum}; how much there is, this system does not say"));
    };
    let words = format!("{sum} of {} allowed ({whose})", size(most));
    let verdict = match all {
        all if all > most => Verdict::Failed,
        all if all > most / 2 => Verdict::Doubtful,
        _ => Verdict::Fine,
    };
    let fitting = most / 2 / each.max(1);
    let cure = match fitting {
        0 => "give each hash less memory: `argon2` of [passwords]".to_owned(),
        fitting => format!("set parallel_hashes = {fitting}"),
    };
    Look::new("memory", "", verdict, words).cure((verdict != Verdict::Fine).then_some(cure))
}

/// The smallest bound there is, in bytes, and whose it is.
fn most(root: &Path) -> Option<(u64, &'static str)> {
    let groups = groups(root).into_iter().map(|bytes| (bytes, "cgroup"));
    groups.chain(machine(root).map(|bytes| (bytes, "this machine"))).min_by_key(|(bytes, _)| *bytes)
}

fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// What our group and all above it may have, in both ways the kernel tells it.
fn groups(root: &Path) -> Vec<u64> {
    let text = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut bounds = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kind), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (folder, file) = match kind {
            "" => ("sys/fs/cgroup", "memory.max"),
            kind if kind.split(',').any(|one| one == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        // In a container the path may be the host's: then the container's own group is the topmost.
        for above in Path::new(path.trim_start_matches('/')).ancestors() {
            let bound = fs::read_to_string(root.join(folder).join(above).join(file));
            bounds.extend(bound.ok().and_then(|bound| bound.trim().parse::<u64>().ok()));
        }
    }
    bounds
}

/// "19 MiB"
fn size(bytes: u64) -> String {
    let kib = bytes / 1024;
    if kib.is_multiple_of(1024) || kib >= 10 * 1024 { format!("{} MiB", kib / 1024) } else { format!("{kib} KiB") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Argon2Cost;

    fn settings(parallel_hashes: usize, mib: u32) -> Settings {
        Settings {
            min_length: 8,
            max_length: 128,
            block_common: false,
            cost: Argon2Cost { memory_kib: mib * 1024, iterations: 1, lanes: 1 },
            parallel_hashes,
            hash_queue: 1,
        }
    }

    #[test]
    fn more_than_half_is_doubtful_and_more_than_all_fails() {
        let mib = |count: u64| Some((count * 1024 * 1024, "cgroup"));
        let look = judge(&settings(8, 64), mib(600));
        assert_eq!((look.verdict, look.cure.as_deref()), (Verdict::Doubtful, Some("set parallel_hashes = 4")));
        assert_eq!(look.words, "8 hashes x 64 MiB = 512 MiB of 600 MiB allowed (cgroup)");
        assert_eq!(judge(&settings(8, 64), mib(1024)).verdict, Verdict::Fine);
        assert_eq!(judge(&settings(8, 64), mib(511)).verdict, Verdict::Failed);
        assert!(judge(&settings(1, 64), mib(100)).cure.unwrap().contains("argon2"));
        assert_eq!(judge(&settings(1, 64), None).verdict, Verdict::Fine);
    }

    #[test]
    fn the_smallest_bound_counts_whoever_sets_it() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(most(root.path()), None);
        write("proc/meminfo", "MemTotal:        4096 kB\nMemFree: 1 kB\n");
        assert_eq!(most(root.path()), Some((4096 * 1024, "this machine")));
        write("proc/self/cgroup", "0::/system.slice/authgate.service\n");
        write("sys/fs/cgroup/system.slice/authgate.service/memory.max", "max\n");
        assert_eq!(most(root.path()), Some((4096 * 1024, "this machine")));
        write("sys/fs/cgroup/system.slice/memory.max", "1000000\n");
        assert_eq!(most(root.path()), Some((1_000_000, "cgroup")));
        write("proc/self/cgroup", "5:cpu,memory:/docker/x\n1:name=systemd:/\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
        assert_eq!(most(root.path()), Some((2_000_000, "cgroup")));
    }
}
