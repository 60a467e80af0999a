"""FalconPy's uber class. Usage: with_falconpy.py call COUNT WIDTH URL [session|login]

`session` gives it a `requests.Session`, as the class documents it; one for each thread, since it says that one is not
for several threads at once. `login` gives it credentials in place of a token, so that it asks for one.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import requests
from falconpy import APIHarnessV2

ARGUMENTS = {"limit": 5, "offset": 0, "sort": "created_timestamp|desc", "filter": "status:'valid'"}
TOKEN = "a-token-of-some-length-0123456789abcdef0123456789"


def harness(url, how):
    if how == "login":
        return APIHarnessV2(client_id="an-id", client_secret="a-secret", base_url=url)
    session = requests.Session() if how == "session" else None
    return APIHarnessV2(access_token=TOKEN, base_url=url, session=session)


def call(count, url, how):
    falcon = harness(url, how)
    for _ in range(count):
        answer = falcon.command("tokens_query", parameters=ARGUMENTS)
        assert answer["status_code"] == 200, answer


_, what, count, width, url, *how = sys.argv
assert what == "call", what
count, width, how = int(count), int(width), "".join(how)
if width == 1:
    call(count, url, how)
else:
    with ThreadPoolExecutor(width) as threads:
        list(threads.map(lambda _: call(count // width, url, how), range(width)))
