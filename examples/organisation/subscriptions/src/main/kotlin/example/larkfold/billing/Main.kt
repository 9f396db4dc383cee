package example.larkfold.billing

import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress

fun main() {
    val port = System.getenv("PORT")?.toInt() ?: 8080
    val server = HttpServer.create(InetSocketAddress(port), 0)
    server.createContext("/healthz") { exchange ->
        exchange.sendResponseHeaders(204, -1)
        exchange.close()
    }
    server.start()
}
