"""aiopenapi3. Usage: with_aiopenapi3.py call COUNT WIDTH URL DOCUMENT, or load COUNT DOCUMENT

It makes a session for each call, as its documentation has it; here one with more patience than its five seconds. What
builds a request without sending it is private.
"""

import asyncio
import pathlib
import sys

import aiopenapi3
import httpx2

ARGUMENTS = {"limit": 5, "offset": 0, "sort": "created_timestamp|desc", "filter": "status:'valid'"}
TOKEN = "a-token-of-some-length-0123456789abcdef0123456789"


def session(*given, **more) -> httpx2.Client:
    return httpx2.Client(*given, timeout=120, **more)


def session_of_many(*given, **more) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(*given, timeout=120, **more)


def load(url, document, factory):
    path = pathlib.Path(document)
    loader = aiopenapi3.FileSystemLoader(path.parent)
    return aiopenapi3.OpenAPI.load_file(url, path.name, loader=loader, session_factory=factory)


def call(count, url, document):
    api = load(url, document, session)
    api.authenticate(bearer=TOKEN)
    for _ in range(count):
        assert len(api._.tokens_query(parameters=ARGUMENTS).resources) == 2


async def at_once(count, width, url, document):
    api = load(url, document, session_of_many)
    api.authenticate(bearer=TOKEN)

    async def lane():
        for _ in range(count // width):
            assert len((await api._.tokens_query(parameters=ARGUMENTS)).resources) == 2

    await asyncio.gather(*(lane() for _ in range(width)))


_, what, count, *rest = sys.argv
if what == "load":
    for _ in range(int(count)):
        api = load("http://127.0.0.1:9", rest[0], session)
        api.createRequest(next(iter(api._)))
elif rest[0] == "1":
    call(int(count), *rest[1:])
else:
    asyncio.run(at_once(int(count), int(rest[0]), *rest[1:]))
