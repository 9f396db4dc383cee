resource "kubernetes_node_pool" "west" {
  name  = "west"
  zones = ["west-a", "west-b"]
  nodes = 26
}
