"""A check of a session names the models that may have had a say in it, and no others."""


def test_a_check_of_a_session_names_its_models(talk, verifier):
    verifier.reject()
    verifier.result["models"] = {"sface-2021dec": "a" * 64, "faceplugin-liveness": "b" * 64}

    async def conversation(desk):
        place = await desk.session()
        await desk.submit(place)
        return await desk.get(f"{place}/checks")

    [check] = talk(conversation).json()["data"]
    assert check["code"] == "face.match"
    assert check["models"] == [{"id": "sface-2021dec", "sha256": "a" * 64}]
    assert check["direction"] == "at_least"
