// The corpus of tests/data/profiles, and a Reader for tests.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/text.h"
#include "policy/profile.h"

namespace casemate::policy::test {

inline std::string data(const std::string& name) { return std::string(TEST_DATA) + "/profiles/" + name; }

inline bool exists(const std::string& path) { return std::ifstream(path).good(); }

inline std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Texts by name, then the built-in profiles.
class Texts : public BuiltInReader {
public:
    void put(const std::string& name, std::string text) { texts_[name] = std::move(text); }

    Result<Source> read(const std::string& name, const std::string& from) override {
        const auto found = texts_.find(name);
        if (found != texts_.end()) return Source{name, found->second, "/home/me"};
        return BuiltInReader::read(name, from);
    }

private:
    std::map<std::string, std::string> texts_;
};

// `text` loaded as a file of that name.
inline Result<Profile> load_text(const std::string& text, const std::string& name = "p.json") {
    Texts reader;
    reader.put(name, text);
    return load(name, reader);
}

// `{...}` with the version put in front.
inline Result<Profile> load_members(const std::string& members, const std::string& name = "p.json") {
    return load_text("{\"schemaVersion\": 1" + std::string(members.empty() ? "" : ", ") + members + "}", name);
}

inline std::string error_of(const Result<Profile>& result) { return result ? "no error" : result.error().text(); }

}  // namespace casemate::policy::test
