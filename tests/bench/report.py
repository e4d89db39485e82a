# SPDX-License-Identifier: MIT
"""The figures as a table for people."""


def short(v):
    if v >= 100:
        return "%d" % round(v)
    return "%.1f" % v if v >= 10 else "%.2f" % v


def lines(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return [("  ".join([r[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(r[1:], widths[1:])])).rstrip() for r in rows]


def table(result):
    out = []
    if result["workloads"]:
        names = list(result["workloads"][0]["systems"])
        out += ["Ratio to direct (tps: and microseconds added to the latency)"]
        rows = [["", *names]]
        for w in result["workloads"]:
            cells = []
            for n in names:
                s = w["systems"][n]
                if n == "direct":
                    cells.append("%s %s" % (short(s["value"]), w["unit"]))
                elif "added_us" in s:
                    cells.append("%.2f %+.0f us" % (s["ratio"], s["added_us"]))
                elif w["better"] == "less":
                    cells.append("%+.2f %s" % (s["value"] - w["systems"]["direct"]["value"], w["unit"]))
                else:
                    cells.append("%.2f" % s["ratio"])
            rows.append([w["name"], *cells])
        out += lines(rows) + ["", "CPU of the proxy, microseconds"]
        rows = [["", *names[1:]]]
        for w in result["workloads"]:
            rows.append(["%s, a %s" % (w["name"], w["op"]), *(short(w["systems"][n]["cpu_us"]) for n in names[1:])])
        if result["idle"]:
            rows.append(["KiB an idle session of %d" % result["settings"]["idle"], *(short(result["idle"][n]) for n in names[1:])])
        out += lines(rows) + [""]
    out += ["The engine alone: the session stepper, without sockets"]
    rows = [["", "instructions", "ns"]]
    for name, f in result["engine"].items():
        rows.append([name, "%d" % f["instructions"] if f["instructions"] is not None else "-", "%d" % f["ns"]])
    out += lines(rows)
    m = result["machine"]
    out += ["", "%d CPUs, kernel %s, load %.1f when it began, %d s in all" % (m["cpus"], m["kernel"], m["load"], result["seconds"])]
    return "\n".join(out)
