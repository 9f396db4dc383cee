variable "name" {
  type        = string
  description = "Name of the bucket, without the environment."
}

variable "keep_days" {
  type        = number
  default     = 30
  description = "How long deleted objects can be brought back."
}

resource "objectstore_bucket" "this" {
  name       = "larkfold-${var.name}"
  versioning = true

  lifecycle_rule {
    noncurrent_days = var.keep_days
  }
}

output "url" {
  value = objectstore_bucket.this.url
}
