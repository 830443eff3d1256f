// The strict tree: what is refused, and that the error says where.
#include <doctest/doctest.h>

#include <string>

#include "json/value.h"

using namespace casemate;
using json::Document;

namespace {

std::string error_of(std::string_view text, const json::Limits& limits = {}) {
    const Result<Document> document = Document::parse(text, limits);
    return document ? "accepted" : document.error().text();
}

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("json: a document is read as it is written") {
    const Result<Document> document = Document::parse(
        R"({"s":"a\u00e9\n\ud83d\ude00","empty":"","t":true,"f":false,"n":null,"min":-9223372036854775808,)"
        R"("max":18446744073709551615,"real":1.5,"list":[1,[2,[]],{"k":"v"}],"none":{}})");
    REQUIRE(document);
    const json::Value& root = document.value().root();
    CHECK(root.is_object());
    CHECK(root.members().size() == 10);
    CHECK(root.members()[0].key == "s");
    CHECK(root.find("s")->string() == "a\xc3\xa9\n\xf0\x9f\x98\x80");
    CHECK(root.find("empty")->is_string());
    CHECK(root.find("empty")->string().empty());
    CHECK(root.find("t")->boolean());
    CHECK_FALSE(root.find("f")->boolean());
    CHECK(root.find("n")->is_null());
    CHECK(root.find("min")->negative());
    CHECK(root.find("min")->signed_integer() == INT64_MIN);
    CHECK_FALSE(root.find("max")->negative());
    CHECK(root.find("max")->unsigned_integer() == UINT64_MAX);
    CHECK(root.find("real")->kind() == json::Kind::real);
    CHECK(root.find("real")->real() == 1.5);
    const json::Value& list = *root.find("list");
    REQUIRE(list.items().size() == 3);
    CHECK(list.items()[0].unsigned_integer() == 1);
    CHECK(list.items()[1].items()[1].items().empty());
    CHECK(list.items()[2].find("k")->string() == "v");
    CHECK(root.find("none")->members().empty());
    CHECK(root.find("absent") == nullptr);
}

TEST_CASE("json: asking a value for what it is not gives nothing") {
    const Result<Document> document = Document::parse(R"(["text"])");
    REQUIRE(document);
    const json::Value& text = document.value().root().items()[0];
    CHECK(text.items().empty());
    CHECK(text.members().empty());
    CHECK(text.unsigned_integer() == 0);
    CHECK_FALSE(text.boolean());
    CHECK(text.find("x") == nullptr);
    CHECK(document.value().root().string().empty());
}

TEST_CASE("json: the document outlives its text and survives a move") {
    auto text = std::make_unique<std::string>(R"({"name":"a long enough value to be on the heap","more":[1,2,3]})");
    Result<Document> parsed = Document::parse(*text);
    text->assign(text->size(), 'x');
    text.reset();
    REQUIRE(parsed);
    const Document moved = std::move(parsed).take();
    CHECK(moved.root().find("name")->string() == "a long enough value to be on the heap");
    CHECK(moved.root().find("more")->items().size() == 3);
}

TEST_CASE("json: duplicate keys are named by path") {
    CHECK(error_of(R"({"a":1,"a":1})") == "$.a: key given twice");
    CHECK(error_of(R"({"a":{"b":[{"c":1,"c":2}]}})") == "$.a.b[0].c: key given twice");
    CHECK(error_of(R"({"a":{"b":[0,{"x.y":1,"x.y":2}]}})") == "$.a.b[1]['x.y']: key given twice");
    CHECK(error_of(R"({"a":1,"\u0061":2})") == "$.a: key given twice");
    CHECK(error_of(R"({"":1,"":2})") == "$['']: key given twice");
    std::string many = "{\"first\":0";
    for (int i = 0; i < 100; ++i) many += ",\"k" + std::to_string(i) + "\":{}";
    CHECK(error_of(many + "}") == "accepted");
    CHECK(error_of(many + ",\"k57\":1}") == "$.k57: key given twice");
    CHECK(error_of("[0," + many + ",\"first\":1}]") == "$[1].first: key given twice");
}

TEST_CASE("json: syntax errors name line and column") {
    CHECK(error_of("") == "line 1, column 1: the document ends too early");
    CHECK(error_of("{\n  \"a\": tru}").starts_with("line 2, column "));
    CHECK(error_of("{\"a\":1").find("ends too early") != std::string::npos);
    for (const std::string_view text :
         {"{",         "[1,]",     "{\"a\":1,}", "{a:1}",       "{'a':1}",       "[01]",
          "[+1]",      "[.5]",     "[1.]",       "[NaN]",       "[Infinity]",    "[-]",
          "[0x10]",    "nul",      "{} {}",      "{}x",         "[1 2]",         "// c\n{}",
          "/* c */{}", "[\"\t\"]", "[\"\\x\"]",  "[\"\\u12\"]", "[\"\\ud800\"]", "[\"\\udc00\\ud800\"]",
          "[1e999]",   "[\"open"}) {
        CAPTURE(text);
        CHECK(error_of(text).starts_with("line 1, column "));
    }
    // What is quoted of the document cannot drive a terminal.
    CHECK(error_of("[\x1b[31m]").find('\x1b') == std::string::npos);
}

TEST_CASE("json: what lenient parsers let through") {
    CHECK(error_of(std::string_view("{}\0{\"a\":1}", 10)) == "a NUL byte in the document");
    CHECK(error_of("\xef\xbb\xbf{}") == "a byte order mark before the document");
    CHECK(error_of(R"({"a":"x\u0000y"})") == "$.a: a NUL character in a string");
    CHECK(error_of(R"({"a":[{"x\u0000y":1}]})") == "$.a[0]: in a key: a NUL character in a string");
    CHECK(error_of(R"({"a":[18446744073709551616]})") == "$.a[0]: 18446744073709551616 is beyond 64 bits");
    CHECK(error_of(R"({"a":-9223372036854775809})") == "$.a: -9223372036854775809 is beyond 64 bits");
    for (const std::string_view bytes : {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
        CAPTURE(bytes);
        CHECK(error_of("[\"" + std::string(bytes) + "\"]") != "accepted");
    }
}

TEST_CASE("json: limits hold, and one below each is fine") {
    json::Limits limits;
    limits.depth = 5;
    CHECK(error_of(nested(5), limits) == "accepted");
    CHECK(error_of(nested(6), limits) == "$[0][0][0][0][0]: nested deeper than 5");
    CHECK(error_of(nested(64)) == "accepted");
    CHECK(error_of(nested(100000)).find("nested deeper than 64") != std::string::npos);

    limits = {};
    limits.items = 3;
    CHECK(error_of("[1,2,3]", limits) == "accepted");
    CHECK(error_of("[1,2,3,4]", limits) == "$: more than 3 items");
    CHECK(error_of(R"({"a":{"b":1,"c":2,"d":3,"e":4}})", limits) == "$.a: more than 3 items");

    limits = {};
    limits.values = 4;
    CHECK(error_of("[[1,2],3]", limits) == "accepted");
    CHECK(error_of("[[1,2],3,4]", limits) == "$: more than 4 values in the document");

    limits = {};
    limits.string_bytes = 3;
    CHECK(error_of(R"(["abc"])", limits) == "accepted");
    CHECK(error_of(R"([0,"abcd"])", limits) == "$[1]: a string that is too long");
    CHECK(error_of(R"({"abcd":1})", limits) == "$: in a key: a string that is too long");

    limits = {};
    limits.bytes = 4;
    CHECK(error_of("[10]", limits) == "accepted");
    CHECK(error_of("[100]", limits) == "larger than 4 bytes");
    CHECK(Document::parse("[100]", limits).error().code() == EFBIG);

    limits = {};
    CHECK(error_of(R"(["a\tb\u007f"])", limits) == "accepted");
    limits.control_characters = false;
    CHECK(error_of(R"(["a\tb"])", limits) == "$[0]: a control character in a string");
    CHECK(error_of(R"(["a\u007fb"])", limits) == "$[0]: a control character in a string");
}

TEST_CASE("json: a hostile object of many keys costs no square of them") {
    std::string text = "{";
    for (int i = 0; i < 200000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
    json::Limits limits;
    limits.bytes = size_t{16} << 20;
    CHECK(error_of(text + "}", limits) == "accepted");
    CHECK(error_of(text + ",\"77777\":0}", limits) == "$.77777: key given twice");
}

TEST_CASE("json: paths are cut and cannot drive a terminal") {
    CHECK(json::child_path("$", "a") == "$.a");
    CHECK(json::child_path("$.a", 3) == "$.a[3]");
    CHECK(json::child_path("$", "a b") == "$['a b']");
    CHECK(json::child_path("$", "\x1b[31m") == "$['\\x1b[31m']");
    CHECK(json::child_path("$", std::string(1000, 'a')).size() < 100);
}
