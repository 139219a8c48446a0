import httpx

from tests.serving.pictures import picture


def test_objects_are_counted_in_the_workshops_shape_when_a_picture_comes(client: httpx.Client) -> None:
    answer = client.post("/detect", files={"file": ("a.jpg", picture(64, 64), "image/jpeg")}).json()
    assert {name: answer[name] for name in ("filename", "contentType", "detectedObj", "save_path")} == {
        "filename": "a.jpg",
        "contentType": "image/jpeg",
        "detectedObj": [{"object": "plane", "count": 1}, {"object": "helicopter", "count": 1}],
        "save_path": "",
    }
    assert [box["confidence"] for box in answer["data"]["results"]] == [0.9, 0.6]


def test_boxes_are_drawn_when_the_header_asks_for_a_picture(client: httpx.Client) -> None:
    files = {"file": ("a.png", picture(64, 64, kind="PNG"), "image/png")}
    answer = client.post("/detect", files=files, headers={"Accept": "image/webp, */*;q=0.1"})
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
