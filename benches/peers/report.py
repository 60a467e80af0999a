"""The tables, as docs/peers.md has them."""

import datetime
import os
import platform
from statistics import median

BASE = "raw reqwest"

HEAD = """# opcall and its peers, measured together

Written on {date} by `benches/peers/run` ({rounds} rounds in {minutes:.0f} minutes, on
{cores} cores, {machine}). What each figure is, and how to repeat it: [benches/peers/README.md](../benches/peers/README.md).

Versions: {versions}.
"""

CALL = """
## One call

`tokens_query` with four arguments and a token, against a server on the same core that answers at once. Ratios to
{base}, which took {cpu:.1f} µs of processor time a call one after the other and {wide:.1f} µs with 64 at once. "waiting"
is wall time, the server's work included.

| | one after the other: processor | waiting | 64 at once: processor | waiting |
|---|---|---|---|---|
"""

RESOLVE = """
## From an operation ID to a request, without the network

Ratios to the request builder of {base}, which took {cpu:,.0f} ns and checks nothing. The programs also start, read
and print a line for each; a peer without a door for it is left out.

| | processor |
|---|---|
"""

COLD = """
## One call from the shell

A process from its start to its end, over plain http. Peers that need a document load the small one of this call.
"signing in" is the same with an ID and a secret in place of a token.

| | processor ms | to {base} | waiting ms | peak MB | signing in: processor ms |
|---|---|---|---|---|---|
"""

LOAD = """
## From a document to its first operation

Processor ms / peak MB of the process. The time is what the document adds to the same process without one, so that
starting an interpreter and importing a library are not in it; the peak is of all. The first row is one pass of a JSON
parser that keeps nothing; for aperture-cli it is `config add`. A process that needs more than 60 s of processor time is
ended.

"""


def text(peers, works, loads, versions, rounds, minutes):
    names = [peer.name for peer in peers]
    head = HEAD.format(
        date=datetime.date.today(),
        rounds=rounds,
        minutes=minutes,
        cores=os.cpu_count(),
        machine=f"{platform.machine()} {platform.system()}",
        versions=", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
    )
    parts = [head]
    if {"call", "at_once"} <= works.keys():
        parts.append(calls(names, works["call"], works["at_once"]))
    if "resolve" in works:
        parts.append(resolves(names, works["resolve"]))
    if {"cold", "signing_in"} <= works.keys():
        parts.append(colds(names, works["cold"], works["signing_in"]))
    if loads:
        parts.append(loaded(names, loads))
    return "".join(parts)


def row(*cells):
    return f"| {' | '.join(cells)} |\n"


def ratio(found, name, which):
    """The median of the ratios to the base, round by round."""
    results = found.get(name, "–")
    if isinstance(results, str):
        return results
    ratios = [mine[which] / base[which] for mine, base in zip(results, found[BASE])]
    return figure(median(ratios))


def figure(value):
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def calls(names, alone, wide):
    base = [median(one[0] for one in found[BASE]) * 1e6 for found in (alone, wide)]
    made = CALL.format(base=BASE, cpu=base[0], wide=base[1])
    for name in names:
        made += row(name, *(ratio(found, name, which) for found in (alone, wide) for which in (0, 1)))
    return made


def resolves(names, found):
    made = RESOLVE.format(base=BASE, cpu=median(one[0] for one in found[BASE]) * 1e9)
    return made + "".join(row(name, ratio(found, name, 0)) for name in names if name in found)


def colds(names, found, signing_in):
    made = COLD.format(base=BASE)
    for name in names:
        results = found.get(name, "–")
        if isinstance(results, str):
            made += row(name, results, "", "", "", "")
            continue
        cpu, wall = [median(getattr(one, which) for one, in results) * 1e3 for which in ("cpu", "wall")]
        ratios = [mine.cpu / base.cpu for (mine,), (base,) in zip(results, found[BASE])]
        peak = max(one.kilobytes for one, in results) / 1e3
        signing = signing_in.get(name, "–")
        if not isinstance(signing, str):
            signing = f"{median(one.cpu for one, in signing) * 1e3:.1f}"
        made += row(name, f"{cpu:.1f}", figure(median(ratios)), f"{wall:.1f}", f"{peak:.1f}", signing)
    return made


def loaded(names, loads):
    titles = [f"{document.stem}, {size(document)}" for document, _ in loads]
    made = LOAD + row("", *titles) + "|" + "---|" * (len(titles) + 1) + "\n"
    for name in names:
        cells = [load(found.get(name, "–")) for _, found in loads]
        if set(cells) != {"–"}:
            made += row("one pass of the parser" if name == BASE else name, *cells)
    return made


def load(results):
    if isinstance(results, str):
        return results
    # A difference of two starts can come out below nothing.
    cpu = max(0.0, median(full.cpu - empty.cpu for empty, full in results) * 1e3)
    peak = median(full.kilobytes for _, full in results) / 1e3
    return f"{cpu:,.1f} / {peak:,.0f}" if cpu < 100 else f"{cpu:,.0f} / {peak:,.0f}"


def size(document):
    kilobytes = document.stat().st_size / 1e3
    return f"{kilobytes:.0f} KB" if kilobytes < 1e3 else f"{kilobytes / 1e3:.1f} MB"
