module "streams" {
  source    = "../modules/bucket"
  name      = "streams"
  keep_days = 7
}

module "masters" {
  source    = "../modules/bucket"
  name      = "masters"
  keep_days = 3650
}

resource "kubernetes_node_pool" "north" {
  name  = "north"
  zones = ["north-a", "north-b", "north-c"]
  nodes = 48
}
