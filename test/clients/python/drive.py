"""PyPI's openai and litellm against a server: prints what each call gave, as JSON."""

import base64
import json
import sys

import openai

URL, WHAT = sys.argv[1], sys.argv[2]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
results = {}


def client(base="/v1", **options):
    return openai.OpenAI(base_url=URL + base, api_key="none", **options)


def kind(text):
    head = base64.b64decode(text[:16])
    return "png" if head[:4] == b"\x89PNG" else "jpeg" if head[:2] == b"\xff\xd8" else "other"


def fails(call):
    try:
        call()
    except openai.APIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "param": error.param,
            "message": error.message,
        }
    return None


def drive_openai():
    answer = client().images.generate(prompt="a red fox")
    results["plain"] = {"n": len(answer.data), "kind": kind(answer.data[0].b64_json), "created": answer.created}
    answer = client("").images.generate(
        prompt="a red fox", model="gpt-image-1", size="auto", quality="auto", background="auto",
        extra_body={"seed": 7, "steps": 3, "negative_prompt": "blur"},
    )
    results["extra"] = {"seed": answer.data[0].seed}
    results["edit"] = fails(lambda: client().images.edit(image=[("blob", PNG), ("b.png", PNG)], prompt="a hat", n=2))
    results["wrong"] = fails(lambda: client().images.generate(prompt="a red fox", n=500))
    results["path"] = fails(lambda: client("/v2").images.generate(prompt="a red fox"))
    events = list(
        client().images.generate(prompt="a red fox", stream=True, partial_images=2, size="512x512")
    )
    results["stream"] = [[event.type, kind(event.b64_json)] for event in events]


def drive_failure():
    def read():
        for _ in client().images.generate(prompt="a red fox", stream=True):
            pass

    results["stream"] = fails(read)
    results["whole"] = fails(lambda: client().images.generate(prompt="a red fox"))


def drive_queue():
    answer = client().images.generate(prompt="a red fox")
    results["waited"] = {"n": len(answer.data)}


def drive_timeout():
    results["openai"] = fails(lambda: client(timeout=1, max_retries=0).images.generate(prompt="a red fox"))


def drive_litellm():
    import litellm

    litellm.telemetry = False
    answer = litellm.image_generation(
        prompt="a red fox", model="openai/squares", api_base=URL + "/v1", api_key="none",
        seed=7, num_inference_steps=3,
    )
    results["plain"] = {"n": len(answer.data), "kind": kind(answer.data[0].b64_json)}
    try:
        litellm.image_edit(image=[PNG], prompt="a hat", model="openai/squares", api_base=URL + "/v1", api_key="none")
    except Exception as error:  # noqa: BLE001 - LiteLLM has a class of its own for each status
        results["edit"] = {"status": getattr(error, "status_code", None), "message": str(error)}


def drive_litellm_queue():
    import litellm

    litellm.telemetry = False
    ask = {"prompt": "a red fox", "model": "openai/squares", "api_base": URL + "/v1", "api_key": "none"}
    results["waited"] = {"n": len(litellm.image_generation(**ask).data)}


DRIVERS = {
    "openai": drive_openai,
    "failure": drive_failure,
    "queue": drive_queue,
    "timeout": drive_timeout,
    "litellm": drive_litellm,
    "litellm-queue": drive_litellm_queue,
}
DRIVERS[WHAT]()
print(json.dumps(results))
