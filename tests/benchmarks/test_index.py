from benchmarks.index import measure_index


def test_an_index_of_many_samples_is_opened_at_once_and_takes_no_memory():
    costs = measure_index(10**8)
    assert costs.samples == 10**8
    assert costs.open_s < 1
    assert costs.resident_mb < 200
    assert costs.batch_us < 20_000
    assert costs.process_mb > costs.resident_mb
