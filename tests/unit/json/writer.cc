// What is written is JSON, whatever the strings hold.
#include "json/writer.h"

#include <doctest/doctest.h>

#include "json/value.h"

using namespace casemate;
using json::Writer;

namespace {

void write_sample(Writer& writer) {
    writer.begin_object().field("a", 1).field("b", "x").key("list").begin_array().value(true).null().end_array();
    writer.key("none")
        .begin_array()
        .end_array()
        .key("deep")
        .begin_object()
        .field("n", int64_t{-5})
        .end_object()
        .end_object();
}

}  // namespace

TEST_CASE("json writer: compact and pretty") {
    Writer compact;
    write_sample(compact);
    CHECK(compact.text() == R"({"a":1,"b":"x","list":[true,null],"none":[],"deep":{"n":-5}})");
    Writer pretty(Writer::Style::pretty);
    write_sample(pretty);
    CHECK(pretty.text() ==
          "{\n  \"a\": 1,\n  \"b\": \"x\",\n  \"list\": [\n    true,\n    null\n  ],\n  \"none\": [],\n  \"deep\": {\n "
          "   \"n\": -5\n  }\n}");
}

TEST_CASE("json writer: numbers at their limits") {
    Writer writer;
    writer.begin_array().value(UINT64_MAX).value(INT64_MIN).value(0u).value(-1).end_array();
    CHECK(writer.text() == "[18446744073709551615,-9223372036854775808,0,-1]");
}

TEST_CASE("json writer: strings are escaped") {
    CHECK(json::quote("a\"b\\c\n\t\x01\x7f") == R"("a\"b\\c\n\t\u0001\u007f")");
    CHECK(json::quote("\xc3\xa9\xf0\x9f\x98\x80") == "\"\xc3\xa9\xf0\x9f\x98\x80\"");
    CHECK(json::quote(std::string_view("\0", 1)) == R"("\u0000")");
}

TEST_CASE("json writer: any bytes give a document that parses, ASCII gives the same text again") {
    uint32_t seed = 12345;
    for (int round = 0; round < 4000; ++round) {
        std::string bytes;
        for (int i = 0; i < 12; ++i) {
            seed = seed * 1664525 + 1013904223;
            const char c = static_cast<char>(round % 2 ? seed >> 24 : (seed >> 24) & 0x7f);
            bytes += c ? c : 'x';
        }
        const Result<json::Document> back = json::Document::parse("[" + json::quote(bytes) + "]");
        REQUIRE(back);
        if (round % 2 == 0) CHECK(back.value().root().items()[0].string() == bytes);
    }
    for (const std::string_view broken : {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
        CAPTURE(broken);
        CHECK(json::quote(broken).starts_with("\"\\ufffd"));
    }
}
