// The long text and the examples of each verb, for --help and the man pages.
#include "cli/command.h"

namespace casemate::cli {
namespace {

// clang-format off
constexpr Manual manuals[] = {
    {Verb::launch,
     "SOURCE is an OCI layout directory (DIR[:REF]), an OCI or docker archive (tar, gzip or zstd), a bundle, or "
     "rootfs:DIR. The image is checked and unpacked in a confined process, then run with every capability dropped, "
     "no_new_privs, a read-only root, a seccomp filter, Landlock and a user that is not root. Before the app starts, "
     "casemate reads the sandbox back from the kernel and compares it with the plan; any difference ends the launch. The "
     "exit code is the app's, or 128 and the signal's number; 125 is a failure of casemate, 126 a command that cannot be "
     "executed, 127 one that is not found.",
     "casemate launch app.tar\n"
     "casemate launch --profile web --publish 8000:80 ./layout:latest\n"
     "casemate launch --profile web --listen 127.0.0.1:8000 app.tar -- uvicorn app:app --fd 3\n"
     "casemate launch --memory 4GiB --waive 'limits.memory=the model is kept in memory' app.tar"},
    {Verb::unpack,
     "Writes BUNDLE/rootfs and BUNDLE/config.json. Both levels of digests are verified before anything is used, names are "
     "resolved inside the new root only, device nodes are refused, setuid bits and file capabilities are taken away "
     "unless the profile keeps them. On failure nothing is left.",
     "casemate unpack app.tar ./bundle\ncasemate unpack --ref latest ./layout ./bundle"},
    {Verb::plan,
     "Takes the operands and options of launch, or a bundle, and prints the ordered steps, the waivers with their "
     "reasons and what this host cannot do. It has no side effect.",
     "casemate plan --profile web app.tar\ncasemate plan --bundle ./bundle --profile hardened --format json"},
    {Verb::verify,
     "Compares status, namespaces, id maps, mounts, limits, descriptors and the seccomp state of a container with its "
     "plan, or those of any process with a profile. What nobody can see from outside (Landlock, W^X, securebits, the "
     "session keyring) is shown as checked inside at start. Exit code 0: all as planned; 1: a difference; 2: verify "
     "itself failed.",
     "casemate verify web\ncasemate verify --pid 4711 --profile hardened --format json"},
    {Verb::probe,
     "Runs a program inside the sandbox that tries to break out of it in more than sixty ways, and prints what was "
     "expected and what was seen. The program is handed over by descriptor, so the image needs nothing in it; without "
     "SOURCE an empty root is used. Exit code 0: no surprise; 1: a surprise; 2: probe itself failed.",
     "casemate probe --profile strict\ncasemate probe --profile ./api.json --format junit app.tar"},
    {Verb::profile,
     "list names the profiles and where each comes from. show NAME prints one with its ancestors resolved. check FILE... "
     "reports every error of a file. schema prints the JSON schema of the profile language.",
     "casemate profile show web\ncasemate profile check ./api.json"},
    {Verb::gc,
     "Removes the state, the unpacked images and the mounts of containers whose processes are gone, and prints one line for "
     "each. A container that runs, or that was kept after its end, is left alone.",
     "casemate gc"},
    {Verb::run,
     "Runs the bundle under the OCI rules: exactly what config.json asks, tightened to the host's ceiling where there is "
     "one. The exit code is the app's, or 128 and the signal's number; 125, 126 and 127 are as with launch.",
     "casemate run --bundle ./bundle web"},
    {Verb::exec,
     "The process is as confined as the container's first one: what it may do was kept on the host when the container was "
     "started. Without --process it takes after the container's own process, with what the options change; --user is "
     "UID[:GID] in numbers. It does not end with its caller, but with the container. The exit code is its own, or 128 and "
     "the signal's number; 255 is a failure of casemate.",
     "casemate exec web /bin/sh -c 'ps'\ncasemate exec --user 1001:1001 --env A=b web env\n"
     "casemate exec --detach --pid-file pid --process process.json web"},
    {Verb::kill, "SIGNAL is a number or a name, with or without SIG.", "casemate kill web TERM\ncasemate kill --all web 9"},
    {Verb::delete_, "With --force a container that runs is killed first, and an id that does not exist is no error.",
     "casemate delete --force web"},
    {Verb::features,
     "json is the document of the runtime-spec's features.md. table lists the kernel features that casemate uses, the "
     "first kernel that has each, and what happens without.",
     "casemate features --format table"},
    {Verb::spec, "Writes config.json into the bundle, for a shell in its rootfs. An existing file is left alone.",
     "casemate spec --bundle ./bundle"},
    {Verb::images,
     "list shows the images of the store, and which are in use. rm removes images: IMAGE is the SOURCE that was launched, or "
     "the beginning of an id; one in use is refused. gc removes layers that no image has, and what killed unpackings left "
     "behind. verify reads every file of the store, or of one image, again and compares it with the list made when it was "
     "unpacked. Exit code 0: done; 1: verify found a difference; 2: it failed.",
     "casemate images list\ncasemate images rm ./layout:latest\ncasemate images verify app.tar"},
    {Verb::completion, "", "casemate completion bash > /etc/bash_completion.d/casemate"},
};
// clang-format on

}  // namespace

const Manual* manual(Verb verb) {
    for (const Manual& m : manuals)
        if (m.verb == verb) return &m;
    return nullptr;
}

}  // namespace casemate::cli
