// The rules over what the command line names: an image, a bundle, a root file system or a process.
#include <unistd.h>

#include <cstdio>

#include "audit/bundle_rules.h"
#include "audit/fields.h"
#include "audit/image_facts.h"
#include "audit/judgement.h"
#include "audit/program.h"
#include "base/text.h"
#include "image/ecdsa.h"

namespace casemate::audit {
namespace {

constexpr size_t max_document_bytes = size_t{4} << 20;

struct Asked {
    std::vector<Finding> findings;
    std::vector<const Rule*> rules;

    template <typename Facts>
    void ask(std::span<const Check<Facts>> checks, const Facts& facts) {
        for (const Check<Facts>& check : checks) rules.push_back(find_rule(check.id));
        run_checks(checks, facts, findings);
    }
};

// docker's extension of the image config (image-spec config.md reserves the key).
Result<bool> has_healthcheck(const std::string& config_text) {
    const json::Document document = TRY(json::Document::parse(config_text));
    std::optional<Error> problem;
    const Fields check = Fields(document.root(), "$", problem).object("config").object("Healthcheck");
    const std::vector<std::string> test = check.texts("Test");
    if (problem) return *std::move(problem);
    return !test.empty() && test[0] != "NONE";
}

Result<void> ask_bundle(const std::string& directory, Time now, Asked& asked) {
    const std::string text = TRY(read_input(concat(directory, "/config.json"), max_document_bytes));
    const oci::Config config = TRY_IN("config.json", oci::parse_config(text));
    asked.ask(privilege_checks(), config);
    asked.ask(seccomp_checks(), config);
    asked.ask(mount_checks(), config);
    asked.ask(resource_checks(), config);
    const std::string root =
        config.root_path.starts_with('/') ? config.root_path : concat(directory, '/', config.root_path);
    if (::access(root.c_str(), F_OK) != 0) {
        std::fprintf(stderr, "casemate audit: %s is not there: its files are not judged\n", quoted(root).c_str());
        return {};
    }
    TreeFacts tree = TRY_IN("the bundle's files", walk_tree(root));
    tree.now = now;
    if (config.process)
        tree.user = RunUser{config.process->user.uid, config.process->user.gid, config.process->user.additional_gids};
    asked.ask(tree_checks(), tree);
    return {};
}

Result<void> ask_tree(const std::string& path, Time now, Asked& asked) {
    TreeFacts tree = TRY_IN(quoted(path), walk_tree(path));
    tree.now = now;
    asked.ask(tree_checks(), tree);
    return {};
}

std::string written(const Judgement& judgement, const std::string& format) {
    if (format == "json") return to_json(judgement);
    if (format == "sarif") return to_sarif(judgement);
    return format == "junit" ? to_junit(judgement) : to_text(judgement);
}

}  // namespace

Result<AuditPolicy> policy_of(const Options& options) {
    AuditPolicy policy;
    if (!options.policy.empty()) {
        const std::string text = TRY(read_input(options.policy, max_document_bytes));
        policy = TRY_IN(quoted(options.policy), parse_audit_policy(text));
    }
    if (options.fail_on.empty()) return policy;
    policy.fail_on = parse_level(options.fail_on);
    if (!policy.fail_on && options.fail_on != "never")
        return Error::invalid(concat("--fail-on ", quoted(options.fail_on), ": expected fatal, warn, info or never"));
    return policy;
}

Result<ImageFacts> facts_of(const ReadImage& image, const std::vector<PublicKey>& keys, Time now) {
    ImageFacts facts;
    facts.config = image.config;
    facts.reference = image.reference;
    facts.pinned = image.pinned;
    facts.annotations = image.annotations;
    facts.attachments = TRY_IN("attachments", parse_attachments(image.attachments_text));
    if (!keys.empty())
        facts.signature =
            judge_signatures(facts.attachments, image.identity.manifest_digest, keys, image::verify_ecdsa_p256);
    facts.healthcheck = TRY_IN("image config", has_healthcheck(image.config_text));
    facts.now = now;
    return facts;
}

Result<TreeFacts> tree_of(const ReadImage& image, const std::string& rootfs, Time now) {
    TreeFacts tree = TRY_IN("the image's files", walk_tree(rootfs));
    tree.owners_known = image.owners_known;
    tree.skipped_devices = image.skipped_devices;
    tree.now = now;
    return tree;
}

void attach_tree(ImageFacts& facts, TreeFacts& tree) {
    facts.tree = &tree;
    if (const auto user = resolve_user(facts))
        tree.user = RunUser{user.value().uid, user.value().gid, user.value().additional_gids};
}

void ask_image(const ImageFacts& facts, std::vector<Finding>& findings, std::vector<const Rule*>& rules) {
    Asked asked;
    asked.ask(image_checks(), facts);
    asked.ask(history_checks(), HistoryFacts{rebuild_steps(facts.config.history)});
    if (facts.tree) asked.ask(tree_checks(), *facts.tree);
    findings = std::move(asked.findings);
    rules = std::move(asked.rules);
}

Result<int> run_rules(const Options& options, const AuditPolicy& policy, const ImageFacts* image, Time now) {
    Asked asked;
    if (image) ask_image(*image, asked.findings, asked.rules);
    if (!options.bundle.empty()) TRY_IN(quoted(options.bundle), ask_bundle(options.bundle, now, asked));
    if (!options.rootfs.empty()) TRY(ask_tree(options.rootfs, now, asked));
    if (!options.pid.empty()) {
        const ProcessFacts process = TRY(read_process(options.pid));
        asked.ask(process_checks(), process);
        asked.ask(surroundings_checks(), process);
    }
    if (options.host) asked.ask(host_checks(), TRY(read_host()));
    if (!options.unit.empty()) asked.ask(unit_checks(), parse_unit(TRY(read_input(options.unit, max_document_bytes))));
    std::string subject = options.source;
    if (options.host) subject = "host";
    if (!options.unit.empty()) subject = options.unit;
    if (!options.bundle.empty()) subject = options.bundle;
    if (!options.rootfs.empty()) subject = options.rootfs;
    if (!options.pid.empty()) subject = concat("process ", options.pid);
    const Judgement judgement = judge(subject, std::move(asked.findings), std::move(asked.rules), policy, now);
    std::fputs(written(judgement, options.format).c_str(), stdout);
    return judgement.passed ? 0 : options.exit_code;
}

void print_catalogue() {
    for (const Rule* rule : catalogue())
        std::printf("%.*s %.*s %.*s (%.*s)\n", static_cast<int>(rule->id.size()), rule->id.data(),
                    static_cast<int>(level_name(rule->level).size()), level_name(rule->level).data(),
                    static_cast<int>(rule->title.size()), rule->title.data(), static_cast<int>(rule->references.size()),
                    rule->references.data());
}

}  // namespace casemate::audit
