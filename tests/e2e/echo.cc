// Answers on port 9000 with all that a client sent, after the client has closed its half (shutdown(SHUT_WR)): shows
// whether whatever is in between passes a half-close on, in both directions, without losing a byte.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <vector>

namespace {

void serve(int fd) {
    std::vector<char> all;
    char part[65536];
    for (ssize_t got; (got = read(fd, part, sizeof part)) > 0;) all.insert(all.end(), part, part + got);
    for (size_t sent = 0; sent < all.size();) {
        const ssize_t wrote = write(fd, all.data() + sent, all.size() - sent);
        if (wrote <= 0) return;
        sent += static_cast<size_t>(wrote);
    }
}

}  // namespace

int main() {
    std::signal(SIGTERM, [](int) { _exit(0); });
    std::signal(SIGPIPE, SIG_IGN);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9000);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
    if (listen(listener, 16) != 0) return 1;
    for (;;) {
        const int client = accept(listener, nullptr, nullptr);
        if (client < 0) continue;
        serve(client);
        close(client);
    }
}
