// The host's listening sockets for --publish and --listen, opened before anything else (RECIPES H10): "port in use"
// then needs no clean-up, and the container is never half-made for a port that it cannot have.
//
// A --publish socket goes to the relay and is non-blocking; a --listen socket goes to the app and blocks, as one from
// systemd does. Both are close-on-exec until the fds step places them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "launch/network_spec.h"

namespace casemate::launch {

struct PublishedListener {
    Fd fd;
    uint16_t container_port = 0;
    std::string name;  // "127.0.0.1:8000"
};

struct InheritedListener {
    Fd fd;
    std::string name;  // "127.0.0.1:8000" or the path
};

// A unix listener's file. Its inode is noted, so that a file that somebody else put there later is never removed.
struct SocketFile {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
};
// Removes the file while it still is the one that was made. Absent or replaced: nothing to do.
Result<void> remove_socket_file(const SocketFile& file);

// Closes the sockets and removes the unix ones' files when it goes.
class Listeners {
public:
    // All or nothing. Backlog 1024 (the kernel caps it at net.core.somaxconn). Unix sockets get mode 0600: whom else to
    // let in is the operator's decision, by chmod or the directory. Errors: one line with the address, and a hint.
    static Result<Listeners> open(const std::vector<PublishSpec>& publish, const std::vector<ListenSpec>& listen);

    Listeners(Listeners&&) noexcept = default;
    Listeners& operator=(Listeners&&) = delete;
    ~Listeners();

    const std::vector<PublishedListener>& published() const { return published_; }
    const std::vector<InheritedListener>& inherited() const { return inherited_; }
    const std::vector<SocketFile>& files() const { return files_; }
    // The relay and init have theirs: the host keeps no copy, or a port would stay taken after its relay has died.
    void close_sockets();
    // The files outlive this object: a detached container keeps its path, and its state names them.
    std::vector<SocketFile> release_files();

private:
    Listeners() = default;
    Result<void> add_published(const PublishSpec& spec);
    Result<void> add_inherited(const ListenSpec& spec);
    std::vector<PublishedListener> published_;
    std::vector<InheritedListener> inherited_;
    std::vector<SocketFile> files_;
};

}  // namespace casemate::launch
