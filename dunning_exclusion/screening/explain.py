"""Puts the answer of the screening into words: the reasons against a reminder, with their dates."""

BLOCK_RULES = {
    f"{kind}_{level}": (kind, level)
    for kind in ("stop", "pause", "prevent")
    for level in ("customer", "item")
}


def reasons(rows, rules, company, blocks, promises, known):
    """Return {(rule, block id): reason} of the excluded items `rows`, the deciding reason first.

    :param rows: (item id, entry id, customer id, day of issue, ids of all rules) of each excluded
        item
    :param rules: the rules named in `rows`, the deciding ones first
    :param blocks: the blocks that hold on the day asked about, on these items and customers
    :param promises: the promises on these items that are open on that day
    :param known: {code of a rule: {customer id: what is known of its reason}}
    :return: dicts as `dunning_explain` returns them
    """
    found = {}
    for rule in rules:
        lines = [row for row in rows if rule.id in row[-1]]
        sources = _sources(rule, lines, blocks, promises)
        sources += [source for row in lines if (source := known.get(rule.code, {}).get(row[2]))]
        for source in sources or [{}]:
            reason = prepare_reason(rule, company, **source)
            found.setdefault((rule, reason["block_id"]), reason)
    return found


def prepare_reason(rule, company, since=False, until=False, block_id=False, reason=None):
    return {
        "outcome": rule._effect_in(company),
        "rule": rule.code,
        "reason": reason or rule.name,
        "marker": rule.marker,
        "level": rule.level,
        "since": since,
        "until": until,
        "block_id": block_id,
    }


def _sources(rule, rows, blocks, promises):
    """Return since, until and block of what makes `rule` exclude the items of `rows`."""
    if rule.code in BLOCK_RULES:
        return [
            {"since": block.date_from, "until": block.date_to, "block_id": block.id}
            for block in _holding(rule.code, rows, blocks)
        ]
    if rule.code == "promise":
        item_ids = {row[0] for row in rows}
        return [
            {"since": promise.noted_on, "until": promise.date}
            for promise in promises
            if item_ids.intersection(promise.move_line_ids.ids)
        ]
    return []


def _holding(code, rows, blocks):
    """Return those of `blocks` for which the rule `code` excludes the items of `rows`."""
    kind, level = BLOCK_RULES[code]
    mine = blocks.filtered(
        lambda block: block.kind == kind and block._is_whole() == (level == "customer")
    )
    return mine.filtered(lambda block: any(block._holds(*row[:-1]) for row in rows))
