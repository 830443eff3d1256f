// ECDSA P-256 against openssl's own signatures; every other key and every change is refused.
#include "image/ecdsa.h"

#include "scratch.h"

using namespace casemate;
using namespace casemate::image;

namespace {

struct Signed {
    std::string key, message, signature;
};

// `curve` is what openssl calls it; "rsa" makes an RSA key.
Signed signed_by(const test::Scratch& scratch, const std::string& curve) {
    const std::string make = curve == "rsa" ? "openssl genrsa -out key 2048"
                                            : "openssl ecparam -name " + curve + " -genkey -noout -out key";
    const test::Ran ran = scratch.run({"sh", "-euc",
                                       make + " 2>/dev/null; openssl pkey -in key -pubout -out pub; printf message >m;"
                                              "openssl dgst -sha256 -sign key m | base64 -w0 >sig"});
    REQUIRE_MESSAGE(ran.exit == 0, ran.err);
    return {scratch.run({"cat", scratch / "pub"}).out, "message", scratch.run({"cat", scratch / "sig"}).out};
}

}  // namespace

TEST_CASE("ecdsa: a signature holds for its message and its key") {
    const test::Scratch scratch, other;
    const Signed good = signed_by(scratch, "prime256v1"), foreign = signed_by(other, "prime256v1");
    CHECK(verify_ecdsa_p256(good.key, good.message, good.signature));
    CHECK_FALSE(verify_ecdsa_p256(good.key, "messagE", good.signature));
    CHECK_FALSE(verify_ecdsa_p256(good.key, "", good.signature));
    CHECK_FALSE(verify_ecdsa_p256(foreign.key, good.message, good.signature));
    CHECK_FALSE(verify_ecdsa_p256(good.key, good.message, foreign.signature));
}

TEST_CASE("ecdsa: each changed byte of a signature breaks it") {
    const test::Scratch scratch;
    const Signed good = signed_by(scratch, "prime256v1");
    for (size_t i = 0; i < good.signature.size(); ++i) {
        std::string changed = good.signature;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CAPTURE(i);
        CHECK_FALSE(verify_ecdsa_p256(good.key, good.message, changed));
    }
    for (const std::string& bad : {std::string(), std::string("===="), std::string("AA"), std::string(8192, 'A'),
                                   good.signature + "AAAA", " " + good.signature, good.signature.substr(4)})
        CHECK_FALSE(verify_ecdsa_p256(good.key, good.message, bad));
}

TEST_CASE("ecdsa: other curves and kinds of key are refused") {
    for (const char* curve : {"secp384r1", "secp256k1", "rsa"}) {
        const test::Scratch scratch;
        const Signed other = signed_by(scratch, curve);
        const auto verdict = verify_ecdsa_p256(other.key, other.message, other.signature);
        CAPTURE(curve);
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().text().find("another kind") != std::string::npos);
    }
    for (const char* key : {"", "x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"})
        CHECK_FALSE(verify_ecdsa_p256(key, "m", "AAAA"));
}
