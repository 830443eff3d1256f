#!/bin/bash
# Under systemd every mount of the host is shared. A clone of a shared tree stays in its peer group unless it is taken
# out: pivot_root is EINVAL then, and a mount made inside would show on the host. Root and rootless, root and volume.
. "$(dirname "$0")/lib.sh"

shared=$scratch/shared
mkdir "$shared"
mount --bind "$shared" "$shared" # not a tmpfs: those can be idmapped since 6.3 only
mount --make-shared "$shared"
mkdir -p "$shared/root/bin" "$shared/root/data" "$shared/volume"
chmod -R 755 "$shared"
cp /bin/busybox "$shared/root/bin/"

grep -q " $shared .* shared:" /proc/self/mountinfo || fail "the test's own mount is not shared"
for who_runs in root user; do
    become $who_runs
    for profile in hardened oci; do
        # `oci` has no pid namespace of its own, and without root there is no procfs of the host's.
        [ "$who_runs $profile" != "user oci" ] || continue
        seen=$(run launch --profile $profile --volume "$shared/volume:/data" "rootfs:$shared/root" \
            -- /bin/busybox cat /proc/self/mountinfo) || fail "$who_runs: launch --profile $profile on shared mounts"
        assert_match "$who_runs $profile: /data is mounted" "$seen" ' /data '
        [[ $seen != *shared:* && $seen != *master:* ]] || fail "$who_runs $profile: tied to a mount of the host: $seen"
        say "$who_runs $profile: nothing is shared with the host"
    done
done
