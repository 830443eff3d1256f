// The command line of casemate-audit.
#include <getopt.h>

#include <algorithm>

#include "audit/program.h"
#include "base/text.h"

namespace casemate::audit {

const char usage[] =
    "usage: casemate audit [OPTION]... IMAGE\n"
    "       casemate audit [OPTION]... --bundle DIR | --rootfs DIR | --pid PID | --host | --unit FILE\n"
    "       casemate audit --scan-report REPORT [OPTION]... IMAGE | --unbound\n"
    "IMAGE: an OCI layout directory (DIR[:REF]), an OCI archive or a docker archive. Nothing of it is run.\n"
    "Rules:\n"
    "  --bundle DIR               judge DIR/config.json\n"
    "  --rootfs DIR               judge a root file system that lies there\n"
    "  --pid PID                  judge a running process\n"
    "  --host                     judge this host: the launcher's files, kernel features and settings\n"
    "  --unit FILE                judge a systemd unit that starts the launcher\n"
    "  --fail-on LEVEL            fatal, warn, info or never (default: fatal; high, medium and low mean the same)\n"
    "  --policy FILE              an admission.audit gate: {\"failOn\": ..., \"suppress\": [{\"id\", \"because\", "
    "\"until\"}]}\n"
    "  --public-key FILE          of those who sign (ECDSA P-256, PEM); may be given again\n"
    "  --list-rules               print the catalogue\n"
    "The vulnerability gate (alone, unless --fail-on asks for the rules too):\n"
    "  --scan-report FILE         a JSON report of Trivy or Grype\n"
    "  --report-format FORMAT     auto, trivy or grype (default: auto)\n"
    "  --severity LIST            the severities that deny, exactly, as Trivy has it: CRITICAL,HIGH\n"
    "  --min-severity SEVERITY    or: the severity from which on findings deny (default: HIGH)\n"
    "  --ignore-unfixed           findings without a fixed version do not deny\n"
    "  --ignorefile FILE          accepted findings: .trivyignore, or .yaml with the strict form\n"
    "  --max-ignore-days N        accepted findings need an expiry within N days\n"
    "  --vex FILE                 an OpenVEX document; may be given again\n"
    "  --max-report-age TIME      for example 168h\n"
    "  --deny-eol                 an operating system past its end of life denies\n"
    "  --allow-secrets            secrets in the report deny by their severity only\n"
    "  --unbound                  judge the report without an image\n"
    "Admission, as launch asks for it:\n"
    "  --admission PROFILE        judge IMAGE by 'admission' of this profile's file; - is standard input\n"
    "All:\n"
    "  --ref REF, --platform OS/ARCH[/VARIANT]   which image\n"
    "  --format FORMAT            text, json, sarif or junit (default: text)\n"
    "  --exit-code N              when denied (default: 1)\n"
    "  --now TIME                 judge as of then (RFC 3339)\n"
    "  --help, --version\n"
    "Exit: 0 passed, 1 (or N) denied, 2 could not be judged: no or unreadable image or report, wrong usage.\n";

namespace {

Error bad_value(std::string_view option, std::string_view value, std::string_view expected) {
    return Error::invalid(concat("--", option, " ", quoted(value), ": expected ", expected));
}

Result<oci::Platform> platform(std::string_view text) {
    const auto parts = split(text, '/');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return bad_value("platform", text, "OS/ARCH or OS/ARCH/VARIANT");
    oci::Platform wanted;
    wanted.os = parts[0];
    wanted.architecture = parts[1];
    if (parts.size() == 3) wanted.variant = parts[2];
    return wanted;
}

struct TextOption {
    std::string_view name;
    std::string Options::*field;
};
constexpr TextOption text_options[] = {{"bundle", &Options::bundle},
                                       {"rootfs", &Options::rootfs},
                                       {"pid", &Options::pid},
                                       {"unit", &Options::unit},
                                       {"ref", &Options::reference},
                                       {"fail-on", &Options::fail_on},
                                       {"policy", &Options::policy},
                                       {"admission", &Options::admission},
                                       {"scan-report", &Options::report},
                                       {"report-format", &Options::format_of_report},
                                       {"severity", &Options::severities},
                                       {"min-severity", &Options::threshold},
                                       {"ignorefile", &Options::ignore_file},
                                       {"max-ignore-days", &Options::max_ignore_days},
                                       {"max-report-age", &Options::max_report_age}};
struct FlagOption {
    std::string_view name;
    bool Options::*field;
};
constexpr FlagOption flag_options[] = {{"ignore-unfixed", &Options::ignore_unfixed},
                                       {"unbound", &Options::unbound},
                                       {"deny-eol", &Options::deny_eol},
                                       {"allow-secrets", &Options::allow_secrets},
                                       {"host", &Options::host},
                                       {"list-rules", &Options::list_rules},
                                       {"help", &Options::help},
                                       {"version", &Options::version}};

Result<void> take(std::string_view name, std::string_view value, Options& options) {
    static constexpr std::string_view formats[] = {"text", "json", "sarif", "junit"};
    for (const TextOption& option : text_options)
        if (option.name == name) {
            if (value.empty()) return bad_value(name, value, "a text");
            options.*option.field = value;
            return {};
        }
    for (const FlagOption& option : flag_options)
        if (option.name == name) {
            options.*option.field = true;
            return {};
        }
    if (name == "vex") {
        options.vex.emplace_back(value);
    } else if (name == "public-key") {
        options.public_keys.emplace_back(value);
    } else if (name == "platform") {
        options.platform = TRY(platform(value));
    } else if (name == "now") {
        options.now = parse_time(value);
        if (!options.now) return bad_value(name, value, "a time such as 2026-11-21T12:00:00Z");
    } else if (name == "exit-code") {
        const auto code = parse_decimal(value, 125);
        if (!code || *code == exit_unjudged) return bad_value(name, value, "0 to 125, and not 2");
        options.exit_code = static_cast<int>(*code);
    } else if (name == "format") {
        if (std::ranges::find(formats, value) == std::end(formats))
            return bad_value(name, value, "text, json, sarif or junit");
        options.format = value;
    }
    return {};
}

Result<void> check(const Options& options) {
    const int subjects =
        !options.source.empty() + !options.bundle.empty() + !options.rootfs.empty() + !options.pid.empty() +
        !options.unit.empty() + options.host;
    if (options.unbound && options.report.empty()) return Error::invalid("--unbound is for --scan-report");
    if (options.unbound && subjects > 0) return Error::invalid("--unbound judges a report without an image");
    if (!options.unbound && subjects != 1)
        return Error::invalid("expected one of IMAGE, --bundle, --rootfs, --pid, --host and --unit").hint("see --help");
    if (!options.report.empty() && !options.unbound && options.source.empty())
        return Error::invalid("--scan-report needs an IMAGE, or --unbound");
    const bool rules_too = !options.fail_on.empty() || !options.policy.empty();
    if (options.unbound && rules_too) return Error::invalid("--unbound has no image for the rules");
    if (!options.report.empty() && rules_too && options.format != "text")
        return Error::invalid("rules and gate together are written as text");
    if (!options.report.empty() && options.format != "text" && options.format != "json")
        return Error::invalid("with --scan-report the format is text or json");
    if (!options.admission.empty() && (options.source.empty() || !options.report.empty() || rules_too))
        return Error::invalid("--admission judges an IMAGE, by what the profile says and nothing else");
    if (!options.admission.empty() && options.format != "text" && options.format != "json")
        return Error::invalid("with --admission the format is text or json");
    if (!options.severities.empty() && !options.threshold.empty())
        return Error::invalid("give --severity or --min-severity, not both");
    return {};
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
    std::vector<option> table;
    for (const TextOption& one : text_options) table.push_back({one.name.data(), required_argument, nullptr, 0});
    for (const FlagOption& one : flag_options) table.push_back({one.name.data(), no_argument, nullptr, 0});
    for (const char* name : {"vex", "public-key", "platform", "now", "exit-code", "format"})
        table.push_back({name, required_argument, nullptr, 0});
    table.push_back({nullptr, 0, nullptr, 0});
    Options options;
    opterr = 0;
    int index = 0;
    for (int code; (code = ::getopt_long(argc, argv, ":", table.data(), &index)) != -1;) {
        if (code == ':') return Error::invalid(concat(quoted(argv[optind - 1]), " needs a value"));
        if (code != 0) return Error::invalid(concat("unknown option ", quoted(argv[optind - 1]))).hint("see --help");
        TRY(take(table[static_cast<size_t>(index)].name, optarg ? optarg : "", options));
    }
    if (options.help || options.version || options.list_rules) return options;
    if (argc - optind > 1) return Error::invalid("more than one IMAGE").hint("see --help");
    if (argc - optind == 1) options.source = argv[optind];
    TRY(check(options));
    return options;
}

}  // namespace casemate::audit
