#!/bin/bash
# mountinfo tells the order of config.json's mounts, whoever made them when. The mounts are the same as without the cloning
# that brings this about: the same list is tried in an order that needs none. And nothing below a shared mount of the host
# is unmounted there.
. "$(dirname "$0")/lib.sh"

shared=$scratch/shared
mkdir -m 755 "$shared" "$scratch/bundle"
mount -t tmpfs none "$shared"
mount --make-shared "$shared"
mkdir -p "$shared/below" "$scratch/data" "$scratch/root/bin"
mount -t tmpfs none "$shared/below"
touch "$shared/below/kept" "$scratch/file"
cp /bin/busybox "$scratch/root/bin/"
chmod 777 "$scratch/root"
mkdir -m 777 "$scratch/root"/{proc,dev,sys,mnt,tmp,etc,srv}
echo covered >"$scratch/root/srv/file"

# config NAMESPACES ORDER [COMMAND]: nine mounts of all makers; ORDER: listed, as people write it, or made, as it is done.
config() {
    python3 - "$scratch" "$@" <<'PYTHON'
import json, sys
scratch, namespaces, order = sys.argv[1:4]
command = sys.argv[4] if len(sys.argv) > 4 else "/bin/busybox cat /proc/self/mountinfo"
def bind(at, source, *options): return {"destination": at, "type": "none", "source": scratch + source, "options": ["rbind", *options]}
binds = [bind("/mnt/plain", "/data", "ro", "nosuid"), bind("/mnt/file", "/file", "noexec"), bind("/mnt/shared", "/shared", "rshared"),
         bind("/mnt/slave", "/shared", "rslave"), bind("/mnt/unbindable", "/shared", "runbindable"), bind("/tmp/inside", "/data", "ro")]
files = [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
         {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
         {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["noexec", "ro"]},
         {"destination": "/srv", "type": "tmpfs", "source": "tmpfs", "options": ["nodev", "tmpcopyup"]},
         {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]}]
proc, dev, tmp, srv, pts = files
plain, file, share, slave, unbindable, inside = binds
mounts = [proc, plain, dev, share, tmp, file, slave, srv, unbindable, pts, inside]
if order == "made": mounts = {"root": [*binds[:5], *files], "user": [*binds[:5], dev, proc, tmp, srv, pts],
                              "rootless-user": [proc, tmp, srv, dev, *binds[:5]]}[namespaces]
elif namespaces == "rootless-user": mounts.remove(pts)  # it would be made before /dev: there is no such list to compare with
c = {"ociVersion": "1.2.0", "root": {"path": scratch + "/root"},
     "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "sh", "-c", command],
                 "capabilities": {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}},
     "mounts": mounts, "linux": {"namespaces": [{"type": t} for t in ("mount", "pid", "ipc", "uts")],
     "maskedPaths": ["/proc/kcore", "/proc/keys"], "readonlyPaths": ["/proc/sys", "/proc/bus"]}}
if "user" in namespaces:
    c["linux"]["namespaces"].append({"type": "user"})
    ids = [{"containerID": 0, "hostID": 0x70000000, "size": 65536}]
    if namespaces == "user": c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = ids
    if namespaces == "user": plain["options"].append("ridmap")
json.dump(c, open(scratch + "/bundle/config.json", "w"))
PYTHON
}
config_mounts() { python3 -c 'import json,sys; print(*[m["destination"] for m in json.load(open(sys.argv[1]))["mounts"]])' "$scratch/bundle/config.json"; }
# Those of the list that mountinfo (on stdin) has, each once, in its order.
seen_order() { awk -v wanted=" $1 " '!done[$5]++ && index(wanted, " " $5 " ") { printf "%s%s", sep, $5; sep = " " }'; }
# All that mountinfo says of a mount but its ids and the numbers of file systems and peer groups, sorted.
sameness() { sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g' | grep -v ' /tmp/inside ' | sort; }
host_mounts() { awk -v under="$scratch" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | sort; }

before=$(host_mounts)
for kind in root user rootless-user; do
    become root
    [ $kind != rootless-user ] || { become user && chown -R "$test_user:" "$scratch/root/srv"; }
    config $kind listed
    wanted=$(config_mounts)
    listed=$(run run --bundle "$scratch/bundle" "order-$kind") || fail "$kind: run"
    assert_eq "$kind: the order of mountinfo" "$(seen_order "$wanted" <<<"$listed")" "$wanted"
    config $kind made
    made=$(run run --bundle "$scratch/bundle" "made-$kind") || fail "$kind: run of the list as it is made"
    assert_eq "$kind: mounts with and without the cloning" "$(sameness <<<"$listed")" "$(sameness <<<"$made")"
    assert_eq "$kind: the host's mounts" "$(host_mounts)" "$before"
    [ -e "$shared/below/kept" ] || fail "$kind: what lies below a shared mount was unmounted on the host"
    say "$kind: mountinfo has the order of the list; flags, roots and propagation are what they were"
done
# A createContainer hook finds the root file system at its own path, and what it mounts there stays.
cat >"$scratch/hook" <<SH
#!/bin/bash
mount -t tmpfs none "$scratch/root/etc"
SH
chmod 755 "$scratch/hook"
become root
config root listed
python3 - "$scratch" <<'PYTHON'
import json, sys
file = sys.argv[1] + "/bundle/config.json"
c = json.load(open(file))
c["hooks"] = {"createContainer": [{"path": sys.argv[1] + "/hook"}]}
json.dump(c, open(file, "w"))
PYTHON
hooked=$(run run --bundle "$scratch/bundle" order-hooked) || fail "run with a hook"
assert_match "what the hook mounted" "$hooked" ' /etc .* - tmpfs'
assert_eq "with a hook: the order of mountinfo" "$(seen_order "$(config_mounts)" <<<"$hooked")" "$(config_mounts)"
assert_eq "with a hook: the mount of '/' alone" "$(awk '$5 == "/"' <<<"$hooked" | wc -l)" 1
say "a hook finds the root file system that is pivoted into"
grep -q ' /mnt/shared .* shared:' <<<"$listed" || [ $kind = rootless-user ] || fail "the test's own mount is not shared"
nothing_left "$(mounts | wc -l)"
