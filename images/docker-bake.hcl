// What `images/build` asks of docker buildx. Alone: docker buildx bake -f images/docker-bake.hcl [TARGET...]

variable "REGISTRY" { default = "argosight" }
variable "TAG" { default = "dev" }
variable "PYTHON_IMAGE" { default = "python:3.11-slim-bookworm" }
// An index with other builds of torch, such as those without CUDA; empty: the locked ones, which have it.
variable "TORCH_INDEX" { default = "" }
variable "VERSION" { default = "unknown" }
variable "REVISION" { default = "unknown" }
variable "SOURCE" { default = "unknown" }
// The date of every file, so that the same content is the same layer whenever it is built.
variable "SOURCE_DATE_EPOCH" { default = "315532800" }

group "default" { targets = ["core", "serve", "train"] }

target "image" {
  matrix     = { image = ["core", "serve", "train", "serve-cuda"] }
  name       = image
  target     = image
  context    = "."
  dockerfile = "images/Dockerfile"
  tags       = ["${REGISTRY}/${image}:${TAG}"]
  args = {
    PYTHON_IMAGE      = PYTHON_IMAGE
    TORCH_INDEX       = TORCH_INDEX
    VERSION           = VERSION
    REVISION          = REVISION
    SOURCE            = SOURCE
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
}
