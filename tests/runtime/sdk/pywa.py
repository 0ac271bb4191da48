"""Sends with pywa as an owner's bot would, and prints what its caller gets.

    pywa.py BASE_URL LINE_ID TOKEN OPERATION ARGUMENTS

    text TO BODY | recipient BSUID BODY | template TO NAME LANGUAGE | media TO | read WAMID

Invariant: exactly one line of JSON on standard output, and status 0, whenever pywa's call came to an end, well or
badly; run.mjs has its form. An error that is neither of pywa nor of httpx, on which it is built, is a defect of this
script and ends it with status 1 and a trace. Nothing of pywa is changed but the address: it writes Meta's into its
session when it is made, so another is written there afterwards.

Deliberately not here: repeating a call, a time limit other than pywa's own five seconds, webhooks, and pywa_async,
whose requests and errors are the same.
"""

import base64
import json
import sys
import time
from pathlib import Path

# This file has the name of the package that it imports, and Python looks beside a script first.
sys.path = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import httpx  # noqa: E402
from pywa import WhatsApp  # noqa: E402
from pywa.errors import WhatsAppError  # noqa: E402
from pywa.types.templates import TemplateLanguage  # noqa: E402

# A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def text(bot, result, to, body):
    result["id"] = bot.send_message(to=to, text=body).id


def template(bot, result, to, name, language):
    result["id"] = bot.send_template(to=to, name=name, language=TemplateLanguage(language), params=[]).id


def media(bot, result, to):
    result["media"] = bot.upload_media(PNG, mime_type="image/png", filename="picture.png").id
    result["id"] = bot.send_image(to=to, image=result["media"]).id


def read(bot, result, wamid):
    # Marks as read and shows that somebody is typing, in one request.
    result["success"] = bot.indicate_typing(wamid).success


# pywa tells a business-scoped user id from a number by its form, and then sends `recipient` and no `to`.
OPERATIONS = {"text": text, "recipient": text, "template": template, "media": media, "read": read}


def main(base_url, line, token, operation, *arguments):
    bot = WhatsApp(phone_id=line, token=token, api_version=23.0)
    bot.api._session.base_url = f"{base_url}/v23.0"
    # Filled in on the way, so that it is also known of a picture that was uploaded and then not sent.
    result = {"id": None, "media": None, "success": None}
    start = time.monotonic()
    try:
        OPERATIONS[operation](bot, result, *arguments)
        answer = {"ok": True, **result}
    except WhatsAppError as error:
        answer = {
            "ok": False,
            "error": {
                "class": type(error).__name__,
                "status": error.status_code,
                "code": error.code,
                "message": error.message,
                "details": error.details,
            },
            "media": result["media"],
        }
    except httpx.HTTPError as error:
        nothing = {"status": None, "code": None, "details": None}
        described = {"class": type(error).__name__, "message": str(error), **nothing}
        answer = {"ok": False, "error": described, "media": result["media"]}
    print(json.dumps({**answer, "ms": round((time.monotonic() - start) * 1000)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
