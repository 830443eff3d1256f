#include "runtime/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/rfc3339.h"
#include "base/scope_exit.h"
#include "base/text.h"
#include "json/value.h"
#include "json/writer.h"
#include "runtime/directories.h"
#include "runtime/range_removal.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::runtime {
namespace {

// What `create` makes before it has its name: PID.ID follow.
constexpr std::string_view unborn = ".new.";
constexpr size_t record_limit = size_t{4} << 20;
// The program is kept as the kernel takes it (plan::write_json leaves it out).
constexpr const char *record_name = "state.json", *expected_name = "expected.json", *program_name = "seccomp.bpf", *new_name = "state.new";

// Reads members of our own document; anything else than expected makes the whole record broken.
class Members {
public:
    explicit Members(const json::Value& object) : object_(object) {}
    std::string text(std::string_view key) { return get(key, json::Kind::string) ? std::string(found_->string()) : std::string(); }
    uint64_t number(std::string_view key) { return get(key, json::Kind::integer) ? found_->unsigned_integer() : 0; }
    bool flag(std::string_view key) { return get(key, json::Kind::boolean) && found_->boolean(); }
    const json::Value* object(std::string_view key) { return get(key, json::Kind::object) ? found_ : nullptr; }
    const json::Value* array(std::string_view key) { return get(key, json::Kind::array) ? found_ : nullptr; }
    bool good() const { return good_; }

private:
    bool get(std::string_view key, json::Kind kind) {
        found_ = object_.find(key);
        const bool right = found_ && found_->kind() == kind;
        good_ = good_ && right;
        return right;
    }
    const json::Value& object_;
    const json::Value* found_ = nullptr;
    bool good_ = true;
};

Error broken() { return Error::invalid("the state file is broken").hint("remove it with 'casemate delete --force ID'"); }

}  // namespace

std::string to_json(const Record& record) {
    json::Writer out;
    out.begin_object().field("schemaVersion", 1).field("id", record.id).field("pid", static_cast<int64_t>(record.pid));
    out.field("startTime", record.start_time).field("supervisor", static_cast<int64_t>(record.supervisor));
    out.field("supervisorStart", record.supervisor_start).field("bundle", record.bundle).field("rootfs", record.rootfs);
    out.field("profile", record.profile).field("program", record.program).field("untilDeleted", record.until_deleted).field("created", record.created).field("data", record.data);
    out.field("admitted", record.admitted);
    out.key("sockets").begin_array();
    for (const launch::SocketFile& file : record.sockets)
        out.begin_object().field("path", file.path).field("device", uint64_t{file.device}).field("inode", uint64_t{file.inode}).end_object();
    out.end_array().key("cgroups").begin_array();
    for (const cgroup::Path& group : record.cgroups)
        out.begin_object().field("controllers", group.controllers).field("directory", group.directory).field("inode", group.inode).field("unit", group.unit).end_object();
    out.end_array();
    out.key("annotations").begin_object();
    for (const auto& [name, value] : record.annotations) out.field(name, value);
    out.end_object().key("waivers").begin_array();
    for (const policy::WaiverRecord& waiver : record.waivers) {
        out.begin_object().field("what", waiver.what).field("from", waiver.from).field("to", waiver.to).field("because", waiver.because);
        out.field("file", waiver.file).field("overruledBy", waiver.overruled_by).end_object();
    }
    out.end_array().end_object();
    return out.take();
}

Result<Record> parse_record(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    Members members(document.root());
    Record record;
    record.id = members.text("id");
    record.pid = static_cast<pid_t>(members.number("pid"));
    record.start_time = members.number("startTime");
    record.supervisor = static_cast<pid_t>(members.number("supervisor"));
    record.supervisor_start = members.number("supervisorStart");
    record.bundle = members.text("bundle");
    record.rootfs = members.text("rootfs");
    record.profile = members.text("profile");
    record.program = members.text("program");
    record.until_deleted = members.flag("untilDeleted");
    record.created = members.text("created");
    record.data = members.text("data");
    record.admitted = members.text("admitted");
    if (const json::Value* sockets = members.array("sockets"))
        for (const json::Value& item : sockets->items()) {
            Members file(item);
            record.sockets.push_back({file.text("path"), static_cast<dev_t>(file.number("device")), static_cast<ino_t>(file.number("inode"))});
            if (!file.good()) return broken();
        }
    if (const json::Value* groups = members.array("cgroups"))
        for (const json::Value& item : groups->items()) {
            Members group(item);
            record.cgroups.push_back({group.text("controllers"), group.text("directory"), group.number("inode"), group.text("unit")});
            if (!group.good()) return broken();
        }
    if (const json::Value* annotations = members.object("annotations"))
        for (const json::Member& member : annotations->members()) record.annotations[std::string(member.key)] = member.value.string();
    if (const json::Value* waivers = members.array("waivers"))
        for (const json::Value& item : waivers->items()) {
            Members waiver(item);
            record.waivers.push_back({waiver.text("what"), waiver.text("from"), waiver.text("to"), waiver.text("because"), waiver.text("file"), waiver.text("overruledBy")});
        }
    if (!members.good() || check_id(record.id).operator bool() == false) return broken();
    return record;
}

Result<RecordFile> RecordFile::create(const std::string& state_root, const Record& record) {
    TRY(check_id(record.id));
    const std::string path = concat(state_root, "/", record.id), made = concat(state_root, "/", unborn, ::getpid(), ".", record.id);
    if (::mkdir(made.c_str(), 0700) < 0) return Error::sys("mkdir").within(quoted(made)).hint("use --root with a directory that you may write");
    ScopeExit take_away([&] {
        for (const char* name : {record_name, new_name}) ::unlink(concat(made, "/", name).c_str());
        ::rmdir(made.c_str());
    });
    RecordFile file(state_root, record.id, TRY_IN(quoted(made), sys::open(made.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
    TRY(file.write(record));
    if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) < 0)
        return errno == EEXIST ? Error::with_code(EEXIST, concat("container with id ", quoted(record.id), " already exists"))
                                     .hint("choose another name, or remove it with 'casemate delete'")
                               : Error::sys("renameat2").within(quoted(path));
    take_away.release();
    return file;
}

Result<std::vector<std::string>> RecordFile::remove_unborn(const std::string& state_root) {
    std::vector<std::string> names, removed;
    {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(state_root.c_str()), ::closedir);
        if (!stream) return Error::sys("opendir").within(quoted(state_root));
        while (const dirent* entry = ::readdir(stream.get()))
            if (std::string_view(entry->d_name).starts_with(unborn)) names.emplace_back(entry->d_name);
    }
    const Fd root = TRY_IN(quoted(state_root), sys::open(state_root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const std::string& name : names) {
        const std::string_view rest = std::string_view(name).substr(unborn.size());
        const auto maker = parse_decimal(rest.substr(0, rest.find('.')), INT32_MAX);
        // Whoever makes it still lives, or somebody else has the number now: then another time.
        if (!maker || *maker == 0) continue;
        const auto process = sys::pidfd_open(static_cast<pid_t>(*maker));
        if (process || process.error().code() != ESRCH) continue;
        TRY_IN(quoted(concat(state_root, "/", name)), remove_tree(root, name));
        removed.push_back(concat(state_root, "/", name));
    }
    return removed;
}

Result<RecordFile> RecordFile::open(const std::string& state_root, const std::string& id) {
    TRY(check_id(id));
    auto directory = sys::open(concat(state_root, "/", id).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && directory.error().code() == ENOENT) return Error::with_code(ENOENT, concat("container ", quoted(id), " does not exist"));
    if (!directory) return std::move(directory).take_error().within(quoted(id));
    return RecordFile(state_root, id, std::move(directory).take());
}

Result<std::vector<std::string>> RecordFile::ids(const std::string& state_root) {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(state_root.c_str()), ::closedir);
    if (!stream) return Error::sys("opendir").within(quoted(state_root));
    errno = 0;
    for (const dirent* entry; (entry = ::readdir(stream.get())); errno = 0)
        if (check_id(entry->d_name)) found.emplace_back(entry->d_name);
    if (errno != 0) return Error::sys("readdir").within(quoted(state_root));
    std::sort(found.begin(), found.end());
    return found;
}

Result<void> RecordFile::replace(const char* name, std::string_view bytes) const {
    {
        const Fd file = TRY(sys::openat2(directory_, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0, 0600));
        TRY_IN("state", sys::write_all(file, bytes));
    }
    if (::renameat(directory_.get(), new_name, directory_.get(), name) < 0) return Error::sys("renameat").within("state");
    return {};
}

Result<void> RecordFile::write(const Record& record) const { return replace(record_name, to_json(record)); }

Result<void> RecordFile::write_expected(const plan::Expected& expected) const {
    json::Writer out;
    plan::write_json(out, expected);
    if (expected.seccomp_program) TRY(replace(program_name, plan::program_bytes(*expected.seccomp_program)));
    return replace(expected_name, out.text());
}

Result<void> RecordFile::lock() const {
    while (::flock(directory_.get(), LOCK_EX) < 0)
        if (errno != EINTR) return Error::sys("flock").within(quoted(id_));
    return {};
}

Result<std::string> RecordFile::read(const char* name) const {
    auto text = sys::read_file(directory_, name, record_limit);
    if (text) return text;
    const int code = text.error().code();
    return Error::with_code(code == EINVAL ? EIO : code, concat("container ", quoted(id_), ": state: ", text.error().text()));
}

Result<Record> RecordFile::read() const {
    const std::string text = TRY(read(record_name));
    return TRY_IN(concat("container ", quoted(id_)), parse_record(text));
}

Result<plan::Expected> RecordFile::read_expected() const {
    const std::string text = TRY(read(expected_name));
    const json::Document document = TRY_IN(concat("container ", quoted(id_)), json::Document::parse(text));
    plan::Expected expected = TRY_IN(concat("container ", quoted(id_)), plan::expected_from_json(document.root()));
    if (expected.seccomp_program) expected.seccomp_program = TRY(read_program(expected.seccomp_program->size()));
    return expected;
}

Result<std::vector<sock_filter>> RecordFile::read_program(size_t instructions) const {
    auto kept = read(program_name);
    if (!kept && kept.error().code() != ENOENT) return std::move(kept).take_error();
    const std::string bytes = kept ? std::move(kept).take() : std::string();
    std::vector<sock_filter> program(instructions);
    if (bytes.size() != plan::program_bytes(program).size()) return broken().within(concat("container ", quoted(id_)));
    std::ranges::copy(bytes, reinterpret_cast<char*>(program.data()));
    return program;
}

Result<void> RecordFile::remove() {
    const Fd root = TRY_IN(quoted(root_), sys::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return remove_tree(root, id_);
}

Result<uint64_t> start_time_of(pid_t pid) {
    const sys::Procfs proc = TRY(sys::Procfs::host());
    const std::string stat = TRY(proc.read(concat(pid, "/stat")));
    return sys::parse_start_time(stat);
}

Result<bool> is_alive(pid_t pid, uint64_t start_time) {
    if (pid <= 0) return false;
    const sys::Procfs proc = TRY(sys::Procfs::host());
    const auto stat = proc.read(concat(pid, "/stat"));
    if (!stat && (stat.error().code() == ENOENT || stat.error().code() == ESRCH)) return false;
    if (!stat) return Error(stat.error());
    if (TRY(sys::parse_start_time(stat.value())) != start_time) return false;
    // Ended but not reaped yet: its namespaces and files are gone (proc(5): state is the field after the name).
    const size_t name_end = stat.value().rfind(") ");
    const char state = name_end == std::string::npos ? '?' : stat.value()[name_end + 2];
    return state != 'Z' && state != 'X';
}

bool is_broken(const Error& error) {
    // ELOOP: a symbolic link in its place.
    return error.code() == ENOENT || error.code() == EINVAL || error.code() == EFBIG || error.code() == ELOOP;
}

std::string timestamp() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return rfc3339(now.tv_sec, now.tv_nsec);
}

}  // namespace casemate::runtime
