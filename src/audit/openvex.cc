#include "audit/openvex.h"

#include <algorithm>

#include "audit/fields.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr std::string_view statuses[] = {"not_affected", "affected", "fixed", "under_investigation"};

PackageUrl read_url(const Fields& component) {
    std::string text = component.object("identifiers").text("purl");
    if (text.empty()) text = component.text("@id");
    const auto url = parse_package_url(text);
    if (!url) component.fail("names no package URL");
    return url.value_or(PackageUrl{});
}

VexStatement read_statement(const Fields& fields, std::optional<Time> document_time) {
    VexStatement statement;
    const Fields vulnerability = fields.object("vulnerability");
    statement.vulnerabilities = vulnerability.texts("aliases");
    statement.vulnerabilities.insert(statement.vulnerabilities.begin(), vulnerability.text("name"));
    if (statement.vulnerabilities.front().empty()) vulnerability.fail("no name");
    for (const Fields& product : fields.objects("products")) {
        VexProduct read{read_url(product), {}};
        for (const Fields& component : product.objects("subcomponents"))
            read.subcomponents.push_back(read_url(component));
        statement.products.push_back(std::move(read));
    }
    statement.status = fields.text("status");
    if (std::ranges::find(statuses, statement.status) == std::end(statuses))
        fields.fail(concat("unknown status ", quoted(statement.status)));
    statement.statement = fields.text("justification");
    if (statement.statement.empty()) statement.statement = fields.text("impact_statement");
    if (statement.status == "not_affected" && statement.statement.empty())
        fields.fail("not_affected needs a justification or an impact statement");
    const auto time = fields.has("timestamp") ? parse_time(fields.text("timestamp")) : document_time;
    if (!time) fields.fail("no time");
    statement.time = time.value_or(0);
    return statement;
}

// Is `url` our image? By digest only: names and tags move.
bool is_image(const PackageUrl& url, std::string_view manifest_digest) {
    return url.type == "oci" && !manifest_digest.empty() && url.version == manifest_digest;
}

bool speaks_of(const VexStatement& statement, const ScanFinding& finding, std::string_view manifest_digest) {
    if (std::ranges::find(statement.vulnerabilities, finding.id) == statement.vulnerabilities.end()) return false;
    const auto package = parse_package_url(finding.purl);
    return std::ranges::any_of(statement.products, [&](const VexProduct& product) {
        if (!is_image(product.url, manifest_digest)) return package && covers(product.url, *package);
        if (product.subcomponents.empty()) return true;
        return package &&
               std::ranges::any_of(product.subcomponents, [&](const PackageUrl& url) { return covers(url, *package); });
    });
}

}  // namespace

Result<VexDocument> parse_openvex(std::string_view text, std::string name) {
    const std::string where = quoted(name);
    const json::Document document = TRY_IN(where, json::Document::parse(text));
    std::optional<Error> problem;
    const Fields root(document.root(), "$", problem);
    if (!root.text("@context").starts_with("https://openvex.dev/ns/v0.2"))
        root.fail("not an OpenVEX 0.2 document ('@context')");
    VexDocument vex{std::move(name), root.text("author"), {}};
    const auto time = parse_time(root.text("timestamp"));
    for (const Fields& statement : root.objects("statements"))
        vex.statements.push_back(read_statement(statement, time));
    if (problem) return (*std::move(problem)).within(where);
    return vex;
}

VexVerdict vex_for(const std::vector<VexDocument>& documents, const ScanFinding& finding,
                   std::string_view manifest_digest) {
    VexVerdict latest;
    if (finding.kind != ScanKind::vulnerability) return latest;
    for (const VexDocument& document : documents)
        for (const VexStatement& statement : document.statements) {
            if (!speaks_of(statement, finding, manifest_digest)) continue;
            if (!latest.statement || statement.time >= latest.statement->time) latest = {&document, &statement};
        }
    const bool suppresses =
        latest.statement && (latest.statement->status == "not_affected" || latest.statement->status == "fixed");
    return suppresses ? latest : VexVerdict{};
}

}  // namespace casemate::audit
