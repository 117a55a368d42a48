"""What methods share that find where a fact is recalled and write there: keys, values, matrices; knows no method."""
