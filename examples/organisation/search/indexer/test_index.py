from index import Document, batches, bulk


def test_batches_keep_everything():
    documents = [Document(str(n), "track", f"Track {n}", n) for n in range(1201)]
    sizes = [len(batch) for batch in batches(documents)]
    assert sizes == [500, 500, 201]


def test_bulk_has_two_lines_for_each_document():
    lines = bulk([Document("1", "artist", "Ada", 16)])
    assert lines == [{"index": {"_id": "artist:1"}}, {"title": "Ada", "kind": "artist", "boost": 3.0}]
