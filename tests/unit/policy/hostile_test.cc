// Every value of the shipped and the good profiles is replaced by a value of every kind: the loader refuses it in words
// or takes it, and what it takes can be merged, printed and made a filter.
#include <doctest/doctest.h>

#include <algorithm>

#include "json/value.h"
#include "json/writer.h"
#include "unit/policy/files.h"

namespace casemate::policy {
using namespace test;

namespace {

// Writes the document with its value number `target` replaced by the text; counts the values on the way.
class Replacing {
public:
    Replacing(size_t target, const json::Value& replacement) : target_(target), replacement_(replacement) {}
    std::string run(const json::Value& root) {
        copy(root);
        return writer_.take();
    }
    size_t count() const { return count_; }

private:
    void copy(const json::Value& original) {
        const json::Value& value = count_++ == target_ ? replacement_ : original;
        switch (value.kind()) {
            case json::Kind::null: writer_.null(); break;
            case json::Kind::boolean: writer_.value(value.boolean()); break;
            case json::Kind::integer:
                value.negative() ? writer_.value(value.signed_integer()) : writer_.value(value.unsigned_integer());
                break;
            case json::Kind::real: writer_.null(); break;
            case json::Kind::string: writer_.value(value.string()); break;
            case json::Kind::array:
                writer_.begin_array();
                for (const json::Value& item : value.items()) copy(item);
                writer_.end_array();
                break;
            case json::Kind::object:
                writer_.begin_object();
                for (const json::Member& member : value.members()) {
                    writer_.key(member.key);
                    copy(member.value);
                }
                writer_.end_object();
                break;
        }
    }

    size_t target_, count_ = 0;
    const json::Value& replacement_;
    json::Writer writer_;
};

}  // namespace

TEST_CASE("any value replaced by any other is refused in words or works") {
    const auto hostile = json::Document::parse(
        R"([null, true, 0, -1, 18446744073709551615, "", "x", "*", "/", "/../a", "@base", [], [null], [[]], ["", ""], {}, {"names": []}, {"a": 1}])");
    REQUIRE(hostile);
    std::vector<std::string> texts;
    for (const std::string_view name : built_in_names()) texts.emplace_back(built_in_profile(name));
    for (int i = 1; exists(data(concat("good/g", i, ".json"))); ++i)
        texts.push_back(contents(data(concat("good/g", i, ".json"))));
    BuiltInReader reader;
    const Profile hardened = load("hardened", reader).take();

    int refused = 0, taken = 0, wordless = 0, weaker = 0;
    for (const std::string& text : texts) {
        const auto document = json::Document::parse(text);
        REQUIRE(document);
        for (const json::Value& replacement : hostile.value().root().items()) {
            for (size_t target = 0, count = 1; target < count; ++target) {
                Replacing replacing(target, replacement);
                const auto profile = load_text(replacing.run(document.value().root()), "p.json");
                count = std::max(count, replacing.count());
                if (!profile) {
                    ++refused;
                    wordless += !profile.error().text().starts_with("profile 'p.json': ");
                    continue;
                }
                ++taken;
                const auto merged = merge(profile.value(), restrictions_only(hardened));
                weaker += merged && !merged.value().no_new_privileges.value_or(false);
                (void)to_json(profile.value());
                (void)seccomp_policy(profile.value(), {});
            }
        }
    }
    CHECK(wordless == 0);
    CHECK(weaker == 0);
    CHECK(refused > 1000);
    CHECK(taken > 100);
}

}  // namespace casemate::policy
