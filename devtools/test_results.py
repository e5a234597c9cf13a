"""What a test run's log says: how many tests ran, which failed and what they printed."""

import re
from collections import Counter
from xml.etree import ElementTree

RECORD = re.compile(
    r"^\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>\S+): (?P<message>.*)",
    re.DOTALL,
)
FAILED = re.compile(r"(?:FAIL|ERROR): (?:Subtest )?(?P<test>setUp\w+ \(.*?\)|\S+)")
SUMMARY = re.compile(r"\d+ failed, \d+ error\(s\) of (?P<run>\d+) tests")
SKIPPED = re.compile(r"skipped (?P<test>\S+) : (?P<reason>.*)")
SEEN = re.compile(r"Module \S+: \d+ failures, \d+ errors|\d+ failed, \d+ error\(s\)")
SHOWN_LINES = 60


class Results:
    """Counts and reports, added up over several runs."""

    def __init__(self):
        self.count = Counter(passed=0, failed=0)
        self.reports = []

    def fail(self, report):
        self.count["failed"] += 1
        self.reports.append(report)

    def add_odoo_log(self, text, exit_code):
        """Add what Odoo's own runner logged; anything logged as an error is a failure."""
        run, failing, skipped = 0, set(), 0
        for level, logger, message in records(text):
            summary = SUMMARY.match(message)
            failure = FAILED.match(message)
            if summary and logger == "odoo.tests.result":
                run = int(summary["run"])
            elif level == "INFO" and SKIPPED.match(message):
                skipped += 1
            elif level in ("ERROR", "CRITICAL") and failure:
                failing.add(failure["test"])
                self.reports.append(shorten(message))
            elif level in ("ERROR", "CRITICAL") and not SEEN.match(message):
                self.fail(f"Logged as {level} by {logger}: {shorten(message)}")
        unstarted = sum(test.startswith("setUp") for test in failing)
        self.count["failed"] += len(failing)
        self.count["passed"] += max(0, run + unstarted - len(failing) - skipped)
        self.count["skipped"] += skipped
        if exit_code and not self.count["failed"]:
            self.fail(f"Odoo ended with exit code {exit_code}:\n" + shorten(text[-4000:]))
        return run

    def add_pytest_report(self, report, output, exit_code):
        """Add what pytest found; it ends with another code than 0 or 1 when no test ran."""
        if exit_code not in (0, 1):
            self.fail(output)
            return
        suite = ElementTree.parse(report).getroot().find("testsuite")
        total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
        failed = int(suite.get("failures")) + int(suite.get("errors"))
        self.count.update(passed=total - failed - skipped, failed=failed, skipped=skipped)
        if failed:
            self.reports.append(output)

    def last_line(self):
        line = f"{self.count['passed']} passed, {self.count['failed']} failed"
        return line + (f", {self.count['skipped']} skipped" if self.count["skipped"] else "")


def records(text):
    """Yield (level, logger, message) for each record, with the lines that belong to it."""
    for block in re.split(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )", text, flags=re.MULTILINE):
        match = RECORD.match(block)
        if match:
            yield match["level"], match["logger"], match["message"].rstrip()


def shorten(message):
    lines = message.splitlines()
    if len(lines) > SHOWN_LINES:
        half = SHOWN_LINES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} lines …", *lines[-half:]]
    return "\n".join(line[:400] for line in lines)
