"""What a YOLO or darknet source declares is what is read: names, poses, columns, lists, and where label files lie."""

from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, picture, take_in

PHOTO = picture()
LINE = "0 0.5 0.5 0.25 0.25"
BOX = (24.0, 18.0, 40.0, 30.0)
COLOURS = ("red", "green", "blue", "white", "pink", "yellow", "cyan", "orange")


def photos(*paths: str) -> dict[str, object]:
    """A picture of its own at each path."""
    return {path: picture(colour) for path, colour in zip(paths, COLOURS, strict=False)}


def test_row_is_a_pose_when_kpt_shape_says_so(tmp_path: Path) -> None:
    yaml = "kpt_shape: [3, 2]\nnames:\n  0: animal\n"
    row = f"{LINE} 0.1 0.1 0.9 0.9 0.5 0.5"
    intake = take_in(tmp_path, {"data.yaml": yaml, "images/a.jpg": PHOTO, "labels/a.txt": row})
    assert intake.boxes == {"a.jpg": [("animal", BOX)]}
    assert intake.records["a.jpg"].boxes[0].rings is None
    assert intake.issues("keypoints_dropped") == [("labels/a.txt", 1, row)]


def test_row_of_another_length_is_rejected_when_kpt_shape_is_given(tmp_path: Path) -> None:
    yaml = "kpt_shape: [3, 2]\nnames: [animal]\n"
    rows = f"{LINE} 0.1 0.1 0.9 0.9\n{LINE}"
    intake = take_in(tmp_path, {"data.yaml": yaml, "a.jpg": PHOTO, "a.txt": rows}, max_bad_share=0.5)
    assert intake.issues("wrong_columns")[0][1] == 1
    assert intake.boxes == {"a.jpg": [("animal", BOX)]}


BROKEN_YAML = {
    "one name as text": ("nc: 1\nnames: van\n", r"line 2: `names` is the text 'van', not a list such as \[van\]"),
    "not indented": ("train: x\nnames:\n0: van\n1: lorry\n", r"line 3: `0: …` must be indented"),
    "empty": ("train: x\nnames:\n", "line 2: `names` is the text ''"),
    "empty list": ("names: []\n", "line 1: `names` is empty"),
    "a name missing": ("names:\n- van\n-\n", "line 3: a class name is empty"),
    "a list in the list": ("names:\n- van\n- [a]\n", "line 3: a class name is a list"),
    "names before indices": ("names:\n  van: 0\n", "line 2: class index 'van' is no whole number"),
    "an index twice": ("names:\n  0: van\n  0: lorry\n", "line 3: class index 0 stands there twice"),
    "names twice": ("names: [van]\nnames: [lorry]\n", "line 2: `names` stands there twice"),
    "another count": ("nc: 3\nnames: [van]\n", "line 1: `nc` is 3, but `names` has 1 names"),
    "no YAML": ("names: [van\n", "line 1"),
    "keypoints": ("names: [van]\nkpt_shape: 17\n", "line 2: `kpt_shape` is not"),
    "an indented list goes on": (
        "names:\n- van\n  - lorry\n",
        "line 2: a class name goes on in the next line: 'van - lorry'",
    ),
    "another case": ("train: images\nNames: [van]\n", "line 2: 'Names: \\[van\\]' must be `names:`"),
    "another word": ("nc: 1\nclass_names: [van]\n", "line 2: 'class_names: \\[van\\]' must be `names:`"),
    "inside of something": ("train: images\ndata:\n  names: [van]\n", "line 3: 'names: \\[van\\]' must be"),
    "no colon": ("train: images\nnames\n  0: van\n", "line 2"),
}


@pytest.mark.parametrize(("yaml", "message"), BROKEN_YAML.values(), ids=BROKEN_YAML.keys())
def test_source_is_refused_with_the_line_when_names_are_broken(tmp_path: Path, yaml: str, message: str) -> None:
    with pytest.raises(DatasetError, match=f"class names in data.yaml cannot be read: .*{message}"):
        take_in(tmp_path, {"data.yaml": yaml, "a.jpg": PHOTO, "a.txt": LINE})


def test_names_stay_as_written_when_yaml_would_read_numbers_or_truth(tmp_path: Path) -> None:
    names = ("007", "010", "1_000", "12:30", "1e3", "no", "null", "1.50")
    rows = "\n".join(f"{index} 0.5 0.5 0.{index + 1} 0.25" for index in range(len(names)))
    yaml = "names:\n" + "".join(f"- {name}\n" for name in names)
    intake = take_in(tmp_path, {"data.yaml": yaml, "a.jpg": PHOTO, "a.txt": rows})
    assert intake.dataset.info.classes == names


@pytest.mark.parametrize(
    "names", [{"data.yaml": "names: [van, lorry, van]"}, {"classes.txt": "van\nlorry\nvan\n"}], ids=["yaml", "list"]
)
def test_class_is_one_and_named_when_its_name_stands_twice(tmp_path: Path, names: Files) -> None:
    rows = "0 0.5 0.5 0.25 0.25\n1 0.5 0.5 0.5 0.5\n2 0.5 0.5 0.1 0.1"
    intake = take_in(tmp_path, {**names, "a.jpg": PHOTO, "a.txt": rows})
    assert intake.dataset.info.classes == ("van", "lorry")
    assert intake.dataset.info.boxes_per_class == {"van": 2, "lorry": 1}
    assert intake.issues("names_repeated") == [("", None, "van: 0, 2")]


LAYOUTS = {
    "image and label": ("image/a.jpg", "label/a.txt"),
    "Image and Label": ("Image/a.jpg", "Label/a.txt"),
    "splits beside flat labels": ("images/train/a.jpg", "labels/a.txt"),
    "flat images beside labels in splits": ("images/a.jpg", "labels/train/a.txt"),
    "a folder of labels inside": ("train/van/a.jpg", "train/van/labels/a.txt"),
    "the extension kept": ("images/a.jpg", "labels/a.jpg.txt"),
    "the extension kept, beside": ("a.jpg", "a.jpg.txt"),
    "a word of the folder": ("train_images/a.jpg", "train_labels/a.txt"),
    "a word, another case": ("Data/Images (1)/a.jpg", "Data/labels (1)/a.txt"),
    "another depth": ("images/north/2024/a.jpg", "labels/2024/a.txt"),
}


@pytest.mark.parametrize(("image", "label"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_label_file_is_found_when_the_layout_is(tmp_path: Path, image: str, label: str) -> None:
    intake = take_in(tmp_path, {image: PHOTO, label: LINE, "classes.txt": "van\n"})
    assert intake.boxes == {"a.jpg": [("van", BOX)]}
    assert intake.report["accounts"]["label_files"]["used"] == 2


def test_masks_are_no_images_when_labels_are_those_of_the_images(tmp_path: Path) -> None:
    files = {"classes.txt": "van\n", "labels/a.txt": LINE, **photos("images/a.jpg", "masks/a.png")}
    intake = take_in(tmp_path, files, unlabelled="leave-out")
    assert {record.source for record in intake.records.values()} == {"images/a.jpg"}
    assert intake.issues("unlabelled") == [("masks/a.png", None, "")]


def test_label_file_is_nobodys_when_two_images_could_have_it(tmp_path: Path) -> None:
    files: Files = {
        **photos("images/train/a.jpg", "images/val/a.jpg", *(f"images/train/b{n}.jpg" for n in range(4))),
        **{f"labels/b{n}.txt": LINE for n in range(4)},
        "labels/a.txt": LINE,
        "classes.txt": "van\n",
    }
    intake = take_in(tmp_path, files)
    assert intake.issues("label_without_image") == [("labels/a.txt", None, "")]
    assert len(intake.issues("no_label_file")) == 2


def test_source_is_refused_and_unused_files_named_when_half_would_be_background(tmp_path: Path) -> None:
    files: Files = {
        **photos(*(f"june/images/a{n}.jpg" for n in range(4)), *(f"july/images/b{n}.jpg" for n in range(4))),
        **{f"june/labels/a{n}.txt": LINE for n in range(4)},
        **{f"july/yolo_txt/b{n}.txt": LINE for n in range(4)},
        "data.yaml": "names: [van]",
    }
    with pytest.raises(DatasetError, match=r"4 of 8 images have no label file.*july/yolo_txt/b0\.txt") as refusal:
        take_in(tmp_path, files)
    assert "--unlabelled=background" in refusal.value.hint


@pytest.mark.parametrize(("unlabelled", "images"), [("background", 3), ("leave-out", 1)])
def test_images_without_label_files_are_what_unlabelled_says(tmp_path: Path, unlabelled: str, images: int) -> None:
    files = {**photos("a.jpg", "b.jpg", "c.jpg"), "a.txt": LINE, "classes.txt": "van\n"}
    intake = take_in(tmp_path, files, unlabelled=unlabelled)
    assert intake.report["images"] == images
    accounts = intake.report["accounts"]["pictures"]
    assert (accounts["used"], accounts["left_out"]) == (images, 3 - images)


@pytest.mark.parametrize("declared", ["data.yaml", "nothing"])
def test_images_are_left_out_when_train_txt_names_others(tmp_path: Path, declared: str) -> None:
    yaml = "train: train.txt\nval: val.txt\nnames: [van]" if declared == "data.yaml" else "names: [van]"
    files = {
        **photos(*(f"images/a{n}.jpg" for n in range(4))),
        "labels/a0.txt": LINE,
        "labels/a3.txt": f"{LINE}\n{LINE}",
        "data.yaml": yaml,
        "train.txt": "./images/a0.jpg\n/home/x/images/a1.jpg\n",
        "val.txt": "",
    }
    intake = take_in(tmp_path, files)
    assert intake.boxes == {"a0.jpg": [("van", BOX)], "a1.jpg": []}
    assert [file for file, *_ in intake.issues("not_listed")] == ["images/a2.jpg", "images/a3.jpg"]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"]) == (3, 1, 2)
    assert {record.split for record in intake.records.values()} == {"train"}


def test_all_lists_are_read_when_darknet_names_them_its_own_way(tmp_path: Path) -> None:
    files = {
        **photos("obj_train_data/a.jpg", "obj_val_data/b.jpg", "obj_test_data/c.jpg"),
        **{f"obj_{split}_data/{name}.txt": LINE for split, name in (("train", "a"), ("val", "b"), ("test", "c"))},
        "obj.data": "classes = 1\ntrain = data/train.txt\nval = data/val.txt\ntest = data/test.txt\nnames = data/obj.names",
        "obj.names": "van\n",
        "train.txt": "data/obj_train_data/a.jpg\n",
        "val.txt": "data/obj_val_data/b.jpg\n",
        "test.txt": "data/obj_test_data/c.jpg\n",
    }
    intake = take_in(tmp_path, files)
    assert {file: record.split for file, record in intake.records.items()} == {
        "a.jpg": "train",
        "b.jpg": "valid",
        "c.jpg": "test",
    }
    assert intake.report["boxes"] == 3
    assert intake.report["accounts"]["label_files"]["used"] == 8


def test_darknets_list_counts_when_its_setting_is_spelled_with_a_capital(tmp_path: Path) -> None:
    files = {
        **photos("obj/a.jpg", "obj/b.jpg"),
        **{f"obj/{name}.txt": LINE for name in "ab"},
        "obj.data": "Train = data/train.txt\nNames = data/obj.names",
        "obj.names": "van\n",
        "train.txt": "data/obj/a.jpg\n",
    }
    intake = take_in(tmp_path, files)
    assert {file: record.split for file, record in intake.records.items()} == {"a.jpg": "train"}
    assert intake.dataset.info.format == "darknet"


def test_source_is_refused_when_darknet_names_a_list_that_is_not_there(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "a.txt": LINE, "obj.data": "train = train.txt\nvalid = valid.txt", "train.txt": "a.jpg"}
    with pytest.raises(DatasetError, match=r"obj\.data names valid = valid\.txt, but"):
        take_in(tmp_path, files)


COLUMNS = {
    "confidence last": ("0 0.5 0.5 0.25 0.25 0.9", BOX),
    "confidence first": ("0 0.9 0.5 0.5 0.25 0.25", BOX),
    "track last": ("0 0.5 0.5 0.25 0.25 17", BOX),
    "confidence and track": ("0 0.5 0.5 0.25 0.25 0.9 17", BOX),
}


@pytest.mark.parametrize(("row", "box"), COLUMNS.values(), ids=COLUMNS.keys())
def test_columns_are_told_apart_when_one_row_shows_it(
    tmp_path: Path, row: str, box: tuple[float, float, float, float]
) -> None:
    intake = take_in(tmp_path, {"classes.txt": "van\n", "a.jpg": PHOTO, "a.txt": row})
    assert intake.boxes == {"a.jpg": [("van", box)]}
    assert intake.issues("confidence_dropped") == [("a.txt", 1, row)]


def test_columns_of_a_doubtful_row_are_told_by_the_others(tmp_path: Path) -> None:
    doubtful, clear = "0 0.5 0.5 0.3 0.3 0.5", "0 0.9 0.25 0.25 0.5 0.5"
    alone: Files = {"classes.txt": "van\n", **photos("a.jpg", "b.jpg"), "a.txt": doubtful, "b.txt": LINE}
    intake = take_in(tmp_path, alone, max_bad_share=0.5)
    assert intake.issues("ambiguous_columns") == [("a.txt", 1, doubtful)]
    intake = take_in(tmp_path, {**alone, "b.txt": clear})
    assert intake.boxes["a.jpg"] == [("van", (22.4, 2.4, 41.6, 26.4))]


def test_triangle_stays_an_outline_when_its_corners_are_no_box(tmp_path: Path) -> None:
    intake = take_in(tmp_path, {"classes.txt": "van\n", "a.jpg": PHOTO, "a.txt": "0 0.25 0.25 0.5 0.25 0.5 0.75"})
    assert intake.boxes == {"a.jpg": [("van", (16.0, 12.0, 32.0, 36.0))]}
    assert intake.records["a.jpg"].boxes[0].rings is not None


@pytest.mark.parametrize("yaml", ["task: obb\nnames: [ship]\n", "names: [ship]\n"])
def test_turned_boxes_are_said_once_when_rows_are_their_corners(tmp_path: Path, yaml: str) -> None:
    row = "0 0.375 0.5 0.5 0.375 0.625 0.5 0.5 0.625"
    files = {**photos("images/a.jpg", "images/b.jpg"), "labels/a.txt": f"{row}\n", "labels/b.txt": row}
    intake = take_in(tmp_path, {**files, "data.yaml": yaml})
    assert intake.boxes == {name: [("ship", BOX)] for name in ("a.jpg", "b.jpg")}
    assert intake.records["a.jpg"].boxes[0].rings == (((24, 24), (32, 18), (40, 24), (32, 30)),)
    assert intake.report["counts"] == {"turned_box": 2}
    assert intake.issues("turned_box")[0] == ("labels/a.txt", 1, f"2 in all, such as {row}")


def test_corners_are_an_outline_when_other_rows_have_another_number_of_them(tmp_path: Path) -> None:
    rows = "0 0.375 0.5 0.5 0.375 0.625 0.5 0.5 0.625\n0 0.1 0.1 0.3 0.1 0.2 0.2 0.2 0.3 0.1 0.2\n"
    intake = take_in(tmp_path, {"images/a.jpg": PHOTO, "labels/a.txt": rows})
    assert intake.report["counts"] == {"box_from_outline": 2, "names_unknown": 1}


@pytest.mark.parametrize(
    ("declared", "split"),
    [
        ({"data.yaml": "train: images\nval: images\nnames: [van]\n"}, ""),
        ({"data.yaml": "train: images\nval: images\ntest: images\nnames: [van]\n"}, ""),
        ({"data.yaml": "val: images\ntest: images\nnames: [van]\n"}, "valid"),
        ({"data.yaml": "train: all.txt\nval: all.txt\nnames: [van]\n", "all.txt": "images/a.jpg\n"}, ""),
        (
            {
                "obj.data": "train = all.txt\nvalid = all.txt\nnames = obj.names\n",
                "all.txt": "images/a.jpg\n",
                "obj.names": "van\n",
            },
            "",
        ),
    ],
)
def test_image_is_of_no_split_when_the_source_trains_on_it_and_judges_by_it(
    tmp_path: Path, declared: dict[str, str], split: str
) -> None:
    intake = take_in(tmp_path, {"images/a.jpg": PHOTO, "labels/a.txt": LINE, **declared})
    assert intake.records["a.jpg"].split == split


def test_images_of_a_named_folder_are_read_beside_those_of_a_list(tmp_path: Path) -> None:
    files: Files = {
        "data.yaml": "train: some.txt\nval: images/val\nnames: [van]\n",
        "some.txt": "./images/train/a.jpg\n",
        **photos("images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg"),
        **{f"labels/{path}.txt": LINE for path in ("train/a", "train/b", "val/c")},
    }
    intake = take_in(tmp_path, files)
    assert {record.source: record.split for record in intake.dataset.records()} == {
        "images/train/a.jpg": "train",
        "images/val/c.jpg": "valid",
    }
    assert intake.issues("not_listed") == [("images/train/b.jpg", None, "")]


def test_source_is_refused_when_only_some_of_its_lists_are_there(tmp_path: Path) -> None:
    files = {
        "data.yaml": "train: some.txt\nval: lists/b.txt\nnames: [van]\n",
        "images/a.jpg": PHOTO,
        "labels/a.txt": LINE,
    }
    with pytest.raises(DatasetError, match=r"data.yaml names lists/b.txt for valid, but .* has some.txt"):
        take_in(tmp_path, {**files, "some.txt": "images/a.jpg\n"})
    assert take_in(tmp_path, files).boxes == {"a.jpg": [("van", BOX)]}  # Without any list, all images are meant.


def test_list_names_a_subset_when_it_has_names_without_extension(tmp_path: Path) -> None:
    files = {**photos("images/a.jpg", "images/b.jpg"), "labels/a.txt": LINE, "labels/b.txt": LINE, "train.txt": "b\n"}
    intake = take_in(tmp_path, files)
    assert [(record.source, record.split) for record in intake.dataset.records()] == [("images/b.jpg", "train")]
    assert intake.issues("not_listed") == [("images/a.jpg", None, "")]


def test_images_are_named_when_no_class_is_left(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no class is left: .*; images are images/a.jpg"):
        take_in(tmp_path, {"images/a.jpg": PHOTO, "labels/a.txt": ""})
