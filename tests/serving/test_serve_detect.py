import httpx

from tests.serving.pictures import picture
from tests.serving.videos import video


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


def test_video_becomes_a_job_when_it_is_sent_to_detect(client: httpx.Client) -> None:
    answer = client.post("/detect", files={"file": ("a.mp4", video(frames=1), "video/mp4")})
    taken = answer.json()
    assert (answer.status_code, taken["filename"], taken["contentType"]) == (202, "a.mp4", "video/mp4")
    assert taken["save_path"] == f"{answer.headers['location']}/video"
    assert client.delete(answer.headers["location"]).status_code == 200


def test_request_is_refused_when_it_is_no_form(client: httpx.Client) -> None:
    problem = client.post("/detect", content=picture(8, 8), headers={"Content-Type": "image/jpeg"}).json()
    assert (problem["status"], "curl -F file=" in problem["hint"]) == (415, True)
