"""Data subjects' requests and protections, asked for by the people who do so."""

from __future__ import annotations

import asyncio

ROOT, REQUESTS = "/v1/protections", "/v1/data-subject-requests"
ORDER = "12/2026/QĐ-CQĐT"


async def moved(desk, path, step, *, caller, reasons=None):
    etag = (await desk.get(path, caller="supervisor")).headers["etag"]
    body = None if reasons is None else {"reasons": reasons}
    return await desk.post(f"{path}/{step}", json=body, caller=caller, headers={"If-Match": etag})


async def asked(desk, kind, *, caller="citizen", identification="login", **members):
    """A request that is granted and done, or answered."""
    made = await desk.post(REQUESTS, json={"kind": kind} | members, caller=caller)
    assert made.status_code == 201, made.text
    path = f"{REQUESTS}/{made.json()['id']}"
    granted = await desk.post(
        f"{path}/grant",
        json={"identification": identification},
        caller="supervisor",
        headers={"If-Match": made.headers["etag"]},
    )
    assert granted.status_code == 200, granted.text
    for _ in range(500):
        body = (await desk.get(path, caller="officer")).json()
        if body["state"] != "granted":
            return body
        await asyncio.sleep(0)
    raise AssertionError(path)


async def restricted(desk, **members):
    """The path of a restriction in force."""
    done = await asked(desk, "restrict", **members)
    assert done["state"] == "fulfilled", done
    (one,) = (await desk.get(ROOT, caller="supervisor")).json()["data"]
    return f"{ROOT}/{one['id']}"


async def held(desk, **members):
    """The path of a legal hold in force."""
    made = await desk.post(ROOT, json={"order": ORDER} | members, caller="supervisor")
    assert made.status_code == 201, made.text
    path = f"{ROOT}/{made.json()['id']}"
    done = await moved(desk, path, "confirm", caller="foreman")
    assert done.json()["state"] == "in_force", done.text
    return path
